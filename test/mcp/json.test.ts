import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type JsonFault,
  at,
  exactNumber,
  items,
  member,
  parseJson,
  stringOf,
  textOf,
  toValue,
} from "../../src/mcp/index.ts";
import { cpuMs, jsonOf } from "./json-of.ts";

function faultOf(text: string, strict = false): JsonFault | undefined {
  const result = parseJson(text, { strict });
  return result.ok ? undefined : result.fault;
}

describe("parseJson", () => {
  test("reads every JSON text as JavaScript does, and keeps it", () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false }), (text) => {
        const json = jsonOf(text);
        expect(toValue(json)).toEqual(JSON.parse(text));
        expect(textOf(json)).toBe(text);
      }),
    );
  });

  test("accepts no text that JavaScript refuses, and refuses only duplicate keys beyond that", () => {
    const piece = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      '"a"',
      '"b":',
      "1",
      "-",
      "0",
      ".5",
      "e+1",
      "true",
      "null",
      " ",
      "\n",
      "\\u00",
      "\\n",
      "\t",
      "\u0001",
      "\u2028",
      "//",
      "NaN",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join("");
        const fault = faultOf(text);
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        expect(fault === undefined || fault === "duplicate-key").toBe(valid);
      }),
      { numRuns: 5000 },
    );
  });

  test("agrees with JavaScript on strings of every length, with and without escapes", () => {
    const unit = fc.constantFrom("a", "é", "😀", "\\n", "\\u0041", "\\\\", '\\"');
    const long = fc.string({ unit, minLength: 0, maxLength: 200 });
    fc.assert(
      fc.property(long, (inner) => {
        const text = `"${inner}"`;
        expect(stringOf(jsonOf(text))).toBe(JSON.parse(text));
      }),
    );
  });

  test.each([31, 32, 33, 64, 100])(
    "refuses a control character at place %i of a string",
    (place) => {
      expect(faultOf(`"${"x".repeat(place)}\n"`)).toBe("syntax");
      expect(faultOf(`"${"x".repeat(place)}`)).toBe("syntax");
    },
  );

  test.each([
    ['{"a":1,"a":2}'],
    ['{"a":1,"\\u0061":2}'],
    ['[{"x":{"b":0,"c":1,"b":0}}]'],
    [`{${Array.from({ length: 50 }, (_, i) => `"k${i}":0`).join(",")},"k3":1}`],
  ])("refuses the duplicate key of %s", (text) => {
    expect(faultOf(text)).toBe("duplicate-key");
  });

  test.each([
    ["\uFEFF{}"],
    ["{}{}"],
    ["{} x"],
    ["01"],
    ["1."],
    [".5"],
    ["+1"],
    ["'a'"],
    ["[1,]"],
    [""],
  ])("refuses %j", (text) => {
    expect(faultOf(text)).toBe("syntax");
  });

  test("refuses 10,000 levels without running out of stack", () => {
    expect(faultOf("[".repeat(10_000))).toBe("too-deep");
    expect(faultOf('{"a":'.repeat(10_000))).toBe("too-deep");
  });

  test("counts keys and values against its limit", () => {
    const limited = parseJson('{"a":1,"b":2}', { maxNodes: 4 });
    expect(limited).toMatchObject({ ok: false, fault: "too-many-values" });
    expect(parseJson('{"a":1,"b":2}', { maxNodes: 5 }).ok).toBe(true);
  });

  test("refuses in strict reading alone what readers treat differently", () => {
    expect(faultOf('"\\ud800"', true)).toBe("lone-surrogate");
    expect(faultOf('{"\\ud800x":1}', true)).toBe("lone-surrogate");
    expect(faultOf('"\\ud83d\\ude00"', true)).toBeUndefined();
    expect(faultOf('{"__proto__":1}', true)).toBe("forbidden-key");
    expect(faultOf('{"\\u005f_proto__":1}', true)).toBe("forbidden-key");
    expect(faultOf('["\\ud800",{"__proto__":1}]')).toBeUndefined();
  });
});

describe("access", () => {
  const json = jsonOf('{ "a": [1, {"b": "x"}], "toString": 12345678901234567890 }');

  test("member and at find own members alone, with their exact text", () => {
    expect(textOf(member(json, "a")!)).toBe('[1, {"b": "x"}]');
    expect(textOf(member(json, "toString")!)).toBe("12345678901234567890");
    expect(member(json, "constructor")).toBeUndefined();
    expect(member(member(json, "a"), "b")).toBeUndefined();
    expect(stringOf(at(items(member(json, "a"))[1], "b"))).toBe("x");
    expect(at(json, "a", "b", "c")).toBeUndefined();
  });
});

describe("exactNumber", () => {
  test.each([
    ["0", 0],
    ["42", 42],
    ["42.0", 42],
    ["4.2e1", 42],
    ["0.1", 0.1],
    ["-1.50", -1.5],
    ["1e2", 100],
    ["9007199254740991", 9_007_199_254_740_991],
    ["9007199254740993", undefined],
    ["12345678901234567890", undefined],
    ["0.10000000000000000001", undefined],
    ["1e400", undefined],
    ["1e-400", undefined],
    ['"1"', undefined],
  ])("of %s is %s", (text, value) => {
    expect(exactNumber(jsonOf(text))).toBe(value);
  });

  test("finds each number that JavaScript writes", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        fc.pre(!Number.isInteger(value) || Number.isSafeInteger(value));
        expect(exactNumber(jsonOf(JSON.stringify(value)))).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  test("takes linear time on a number with many zeros inside", () => {
    const json = jsonOf(`0.1${"0".repeat(300_000)}1`);
    expect(cpuMs(() => expect(exactNumber(json)).toBeUndefined())).toBeLessThan(200);
  });
});
