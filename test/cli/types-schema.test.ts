import fc from "fast-check";
import { expect, test } from "vitest";
import { type JsonObject, reread } from "../../src/mcp/index.ts";
import { toArgumentsType } from "../../src/cli/types-schema.ts";
import { readEntries, toEntry, toTypesText } from "../../src/cli/types-text.ts";

function typeOf(schema: unknown): string {
  return toArgumentsType(reread(JSON.stringify(schema)), "").replaceAll(/\s+/g, " ");
}
function of(property: unknown): string {
  return typeOf({ type: "object", properties: { a: property }, required: ["a"] }).slice(7, -3);
}
const node = { type: "object", properties: { next: { $ref: "#/$defs/node" } } };

test.each([
  [{ type: "string" }, "string"],
  [{ type: ["integer", "null"] }, "number | null"],
  [{ type: "string", nullable: true }, "string | null"],
  [{ enum: ["x", 1, null, true] }, '"x" | 1 | null | true'],
  [{ const: "x" }, '"x"'],
  [{ type: "array", items: { enum: ["x", "y"] } }, 'readonly ("x" | "y")[]'],
  [{ anyOf: [{ type: "string" }, { type: "number" }] }, "string | number"],
  [{ anyOf: [{ type: "string" }, {}] }, "unknown"],
  [{ allOf: [{ enum: ["x"] }, { description: "d" }] }, '"x"'],
  [{ type: "object" }, "{ [name: string]: unknown; }"],
  [{ type: "object", additionalProperties: { type: "number" } }, "{ [name: string]: number; }"],
  [{ type: "object", properties: { b: true } }, '{ "b"?: unknown; }'],
  [{ not: { type: "string" } }, "unknown"],
  [{ $ref: "#/properties/b" }, "unknown"],
  [{ $ref: "https://evil.example/schema.json" }, "unknown"],
  [{ $ref: "/etc/passwd" }, "unknown"],
  [{ enum: [12345678901234567890n.toString()] }, '"12345678901234567890"'],
])("the type of %j is %s", (schema, type) => {
  expect(of(schema)).toBe(type);
});

test("arguments that the schema does not name may have any name", () => {
  expect(typeOf({ type: "object" })).toContain("[name: string]: unknown");
  expect(typeOf({})).toBe("{ [name: string]: unknown }");
  expect(typeOf({ type: "string" })).toBe("{ [name: string]: unknown }");
  expect(typeOf({ enum: ["{"] })).toBe("{ [name: string]: unknown }");
  expect(typeOf({ type: "object", properties: {} })).toBe("{}");
});

test("a type that holds itself ends, and so does one that doubles at each step", () => {
  const recursive = {
    type: "object",
    properties: { n: { $ref: "#/$defs/node" } },
    $defs: { node },
  };
  expect(typeOf(recursive)).toBe('{ "n"?: { "next"?: unknown; }; }');
  const $defs = Object.fromEntries(
    Array.from({ length: 40 }, (_, at) => {
      const $ref = `#/$defs/d${at + 1}`;
      return [`d${at}`, { anyOf: [{ type: "object", properties: { x: { $ref }, y: { $ref } } }] }];
    }),
  );
  const doubling = { type: "object", properties: { a: { $ref: "#/$defs/d0" } }, $defs };
  expect(typeOf(doubling).length).toBeLessThan(200_000);
  const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`p${at}`, {}]));
  expect(typeOf({ type: "object", properties: wide })).toContain('"p99999"?: unknown');
});

test("nothing that a server writes leaves its string", () => {
  const evil = '"; }; } }\n declare global { const x: any } /* */ ${x} \u202e\u2028 `';
  const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.constant(evil));
  fc.assert(
    fc.property(anyText, anyText, anyText, (tool, key, value) => {
      const definition = reread(
        JSON.stringify({
          name: tool,
          title: evil,
          description: evil,
          inputSchema: {
            title: evil,
            tsType: evil,
            type: "object",
            description: evil,
            properties: { [key]: { enum: [value, `${value}.`], tsType: evil } },
          },
          annotations: { [key]: true, title: evil },
        }),
      ) as JsonObject;
      const named = [{ name: tool, definition }];
      const text = toTypesText(new Map([["up", toEntry("up", { tools: named, prompts: named })]]));
      // eslint-disable-next-line no-control-regex -- these alone may stand there
      expect(text).toMatch(/^[\n\x20-\u{10ffff}]*$/u);
      expect(text).not.toMatch(/[\u202e\u2028]/);
      const bare = text.replaceAll(/"(?:[^"\\\n]|\\.)*"/g, "S");
      const twice = bare.slice(bare.indexOf("upstreams: {"));
      expect(twice.replaceAll(/\s+/g, " ")).toMatch(
        /^upstreams: \{ S: \{ tools: \{ S: \{ args: \{ S\?: (?:S(?: \| S)?|string); \}; annotations: \{ S: true \}; \}; \}; prompts: \{ S: \{ args: \{\}; \}; \}; \}; \}; \} \} $/,
      );
      expect(readEntries(text)?.size).toBe(1);
    }),
    { numRuns: 300 },
  );
});

test("entries are read only from a text that would be written so", () => {
  const entries = new Map([
    ["a", toEntry("a", { tools: [] })],
    ["b", toEntry("b", { tools: [], prompts: [] })],
  ]);
  const text = toTypesText(entries);
  expect(readEntries(text)).toEqual(entries);
  expect(readEntries(text.replace("prompts:", " prompts:"))).toEqual(
    new Map([...entries].map(([name, entry]) => [name, entry.replace("prompts:", " prompts:")])),
  );
  expect(readEntries(`${text}export const x = 1;\n`)).toBeUndefined();
  expect(readEntries("")).toBeUndefined();
  for (const name of ['"\\x"', '"a\nb"', '"\\u12"']) {
    expect(readEntries(text.replace('"a"', name))).toBeUndefined();
  }
});
