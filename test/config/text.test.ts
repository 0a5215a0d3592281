import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isAddressRange, isLoopbackHost } from "../../src/config/address.ts";
import { canonicalJson } from "../../src/config/digest.ts";
import { parseDotenv } from "../../src/config/dotenv.ts";
import { formatPath } from "../../src/config/fault.ts";
import { locate } from "../../src/config/locate.ts";
import { folderOf, resolvePath } from "../../src/config/path.ts";
import { distance, suggest } from "../../src/config/suggest.ts";
import { Secret } from "../../src/core/index.ts";

describe("dotenv", () => {
  test("reads plain, quoted and exported values", () => {
    const text = [
      "# comment",
      "",
      "A=plain # comment",
      "export B = spaced ",
      "C='single # $A \\n'",
      'D="double\\n\\"q\\" \\\\ \\x" # comment',
      "E=",
      "F=a#b=c",
    ].join("\r\n");
    const { values, faults } = parseDotenv(text);
    expect(faults).toEqual([]);
    expect(Object.fromEntries(values)).toEqual({
      A: "plain",
      B: "spaced",
      C: "single # $A \\n",
      D: 'double\n"q" \\ \\x',
      E: "",
      F: "a#b=c",
    });
  });

  test("names the line of each fault and no value", () => {
    const { values, faults } = parseDotenv('A=1\nhunter2\nB="open\nA=2\n1C=x\n');
    expect([...values.keys()]).toEqual(["A"]);
    expect(faults).toEqual([
      { line: 2, message: "Must be NAME=value" },
      { line: 3, message: 'The quotes of "B" are not closed on its line' },
      { line: 4, message: '"A" is set twice' },
      { line: 5, message: "Must be NAME=value" },
    ]);
  });

  test("gives back every value that was written in double quotes", () => {
    const text = fc.string({ unit: "binary" }).filter((value) => !/[\r\n\u2028\u2029]/.test(value));
    fc.assert(
      fc.property(text, (value) => {
        const quoted = value.replace(/["\\]/g, "\\$&");
        expect(parseDotenv(`X="${quoted}"`).values.get("X")).toBe(value);
      }),
    );
  });

  test("takes no line for two: every line is a value, a comment or a fault", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."AB=\"'#\\ \n") }), (text) => {
        const { values, faults } = parseDotenv(text);
        const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
        expect(values.size + faults.length).toBe(lines.length);
      }),
    );
  });
});

describe("suggest", () => {
  test("finds what is near and nothing else", () => {
    const known = ["allow", "auth", "rate", "origins"];
    expect(suggest("alow", known)).toBe('did you mean "allow"?');
    expect(suggest("allows", known)).toBe('did you mean "allow"?');
    expect(suggest("orgiins", known)).toBe('did you mean "origins"?');
    expect(suggest("RATE", known)).toBe('did you mean "rate"?');
    expect(suggest("permissions", known)).toBeUndefined();
    expect(suggest("x", known)).toBeUndefined();
  });

  test("the distance counts a swap as one, and is a distance", () => {
    expect(distance("ab", "ba")).toBe(1);
    expect(distance("kitten", "sitting")).toBe(3);
    const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const far = distance(a, b);
        expect(far).toBe(distance(b, a));
        expect(far === 0).toBe(a === b);
        expect(far).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
        expect(far).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe("locate", () => {
  const source = [
    'import { defineConfig } from "mcp-gw";',
    "// clients: { web: {} }",
    "const more = { spare: { rate: { burst: 1 } } };",
    "export default defineConfig({",
    '  listen: { host: "a: {", port: 1 }, /* rules: [ */',
    "  clients: {",
    '    "web": {',
    "      allow: { tools: [",
    '        "a/*",',
    '        "b/*",',
    "      ] },",
    "      rate: f({ burst: 2 }),",
    "    },",
    "    local: { rate: isBig ? { burst: 3 } : undefined, auth: `x{${y}` },",
    "  },",
    "  rules: [",
    '    rule("one", { on: "a/*" }),',
    "    // a comment, and more",
    '    rule("two", { on: "b/*", when: { args: { on: 1 } } }),',
    "  ],",
    "});",
  ].join("\n");

  test.each([
    [["listen", "port"], 5],
    [["clients", "web"], 7],
    [["clients", "web", "allow", "tools", 0], 9],
    [["clients", "web", "allow", "tools", 1], 10],
    [["clients", "web", "rate", "burst"], 12],
    [["clients", "local", "auth"], 14],
    [["rules", 0, "on"], 17],
    [["rules", 1, "on"], 19],
    [["rules", 1], 19],
    [["clients", "spare", "rate", "burst"], 3],
  ])("finds %j", (path, line) => {
    expect(locate(source, path)).toBe(line);
  });

  test("gives the line of what is around a key that is missing", () => {
    expect(locate(source, ["clients", "web", "auth"])).toBe(7);
  });

  test("gives nothing where a key could be two, or none", () => {
    expect(locate("f({ a: { b: 1 } });\nf({ a: { b: 1 } });", ["a", "b"])).toBeUndefined();
    expect(locate(source, [])).toBeUndefined();
    expect(locate(source, ["nowhere"])).toBeUndefined();
  });

  test("finds every key of a JSON text on its own line", () => {
    const key = fc.string({ unit: fc.constantFrom(...'ab{}[]:,"\\/ ') });
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.integer(),
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(key, tie("node"), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, tree.node, { minKeys: 1, maxKeys: 3 }), (value) => {
        const text = JSON.stringify(value, undefined, 1);
        let line = 1;
        const visit = (inner: unknown, path: readonly (string | number)[]) => {
          if (path.length > 0) expect(locate(text, path)).toBe(line);
          if (typeof inner !== "object" || inner === null) return;
          const entries = Array.isArray(inner) ? [...inner.entries()] : Object.entries(inner);
          for (const [name, member] of entries) {
            line++;
            visit(member, [...path, name]);
          }
          if (entries.length > 0) line++;
        };
        visit(value, []);
      }),
    );
  });

  test("comes back from any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab{}[](),:\"'`/*\\\n") }), (text) => {
        const line = locate(text, ["a", 0, "b"]);
        expect(line ?? 1).toBeLessThanOrEqual(text.split("\n").length);
      }),
    );
  });
});

describe("paths", () => {
  test.each([
    ["/etc/gw", "./a/../b.pem", "/etc/gw/b.pem"],
    ["/etc/gw", "../x", "/etc/x"],
    ["/etc/gw", "/run/x", "/run/x"],
    ["/", "../../x", "/x"],
    ["/etc", ".", "/etc"],
    ["/", ".", "/"],
    ["C:\\gw", "a/b.pem", "C:\\gw\\a\\b.pem"],
    ["C:\\gw", "..\\x", "C:\\x"],
    ["C:\\gw", "D:/x", "D:/x"],
    ["/etc/gw", "a\\b", "/etc/gw/a\\b"],
  ])("%s and %s give %s", (folder, path, resolved) => {
    expect(resolvePath(folder, path)).toBe(resolved);
  });

  test.each([
    ["/etc/gw/a.ts", "/etc/gw"],
    ["/a.ts", "/"],
    ["C:\\gw\\a.ts", "C:\\gw"],
    ["a.ts", "."],
    ["b/a.ts", "b"],
  ])("%s stands in %s", (file, folder) => {
    expect(folderOf(file)).toBe(folder);
  });

  test("a path in the config is written as one would write it", () => {
    expect(formatPath(["clients", "web-app", "allow", "tools", 0])).toBe(
      "clients.web-app.allow.tools[0]",
    );
    expect(formatPath(["clients", "a.b", "x"])).toBe('clients["a.b"].x');
  });
});

describe("addresses", () => {
  test.each(["10.0.0.0/8", "127.0.0.1", "::1", "2001:db8::/32", "0.0.0.0/0"])(
    "%s is one",
    (text) => {
      expect(isAddressRange(text)).toBe(true);
    },
  );
  test.each([
    "",
    "10.0.0.0/33",
    "10.0.0",
    "010.0.0.1",
    "256.1.1.1",
    "::1/129",
    "::1/",
    "a.example",
    "1.2.3.4/8/8",
    "[::1]",
    ":::",
  ])("%s is none", (text) => {
    expect(isAddressRange(text)).toBe(false);
  });
  test.each([
    "::",
    "0.0.0.0",
    "128.0.0.1",
    "127.0.0.1.example.com",
    "127.1",
    "2130706433",
    "::ffff:127.0.0.1",
    "",
  ])("%s is not loopback", (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
  test.each(["127.0.0.1", "127.255.1.2", "::1", "0:0:0:0:0:0:0:1", "LOCALHOST"])(
    "%s is loopback",
    (host) => {
      expect(isLoopbackHost(host)).toBe(true);
    },
  );
});

test("the digest does not depend on the order of keys, nor on secrets", () => {
  const a = canonicalJson({ b: [1, { d: new Secret("x"), c: undefined }], a: "ü" });
  const b = canonicalJson({ a: "ü", b: [1, { d: new Secret("y") }] });
  expect(a).toBe('{"a":"ü","b":[1,{"d":"[secret]"}]}');
  expect(b).toBe(a);
});
