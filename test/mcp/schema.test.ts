import { describe, expect, test } from "vitest";
import { compileLinear } from "../../src/core/index.ts";
import { type SchemaFault, type SchemaValidator, compileSchema } from "../../src/mcp/index.ts";
import { cpuMs, jsonOf } from "./json-of.ts";

const compile = (schema: unknown): SchemaValidator | { readonly fault: string } =>
  compileSchema(jsonOf(JSON.stringify(schema)), compileLinear);

function validatorOf(schema: unknown): SchemaValidator["validate"] {
  const compiled = compile(schema);
  if ("fault" in compiled) throw new Error(compiled.fault);
  return compiled.validate;
}
const faultOf = (schema: unknown): string | undefined => {
  const compiled = compile(schema);
  return "fault" in compiled ? compiled.fault : undefined;
};
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const tooLarge: SchemaFault[] = [
  { where: "", message: "is too large to be checked against its schema" },
];

describe("compileSchema refuses", () => {
  test.each<[string, unknown, RegExp]>([
    ["a string", "x", /neither object nor boolean/],
    ["a list", [], /neither object nor boolean/],
    ["an unknown dialect", { $schema: "https://json-schema.org/draft/2019-09/schema" }, /dialect/],
    ["an unknown type", { type: "any" }, /wrong "type"/],
    ["a limit that is no number", { minLength: "1" }, /wrong "minLength"/],
    ["a negative limit", { maxItems: -1 }, /wrong "maxItems"/],
    ["draft-04's exclusiveMinimum", { exclusiveMinimum: true }, /wrong "exclusiveMinimum"/],
    [
      "a wrong keyword deep inside",
      { items: { properties: { a: { required: [1] } } } },
      /"required"/,
    ],
    ["an empty anyOf", { anyOf: [] }, /wrong "anyOf"/],
    ["properties that are a list", { properties: [] }, /wrong "properties"/],
    ["items that are a list in 2020-12", { items: [{}] }, /neither object nor boolean/],
    ["a $ref to the network", { $ref: "https://example.com/schema.json" }, /not in it/],
    ["a $ref to a file", { $ref: "file:///etc/passwd" }, /not in it/],
    ["a $ref to nothing", { $ref: "#/$defs/none" }, /not in it/],
    ["a $ref into data", { $ref: "#/default", default: { type: "string" } }, /not in it/],
    ["a $ref that is no URI", { $ref: "http://[" }, /no URI/],
    ["a $ref to itself", { $ref: "#" }, /without end/],
    [
      "a circle of $refs",
      { $defs: { a: { $ref: "#/$defs/b" }, b: { anyOf: [{ $ref: "#/$defs/a" }] } } },
      /without end/,
    ],
    ["one $id twice", { $defs: { a: { $id: "x" }, b: { $id: "x" } } }, /twice/],
    ["a long $ref", { $ref: `#/${"x".repeat(1024)}` }, /too long/],
    ["a lookahead", { pattern: "(?=a)" }, /pattern that is not supported/],
    ["a lookahead in a key", { patternProperties: { "(?=a)": {} } }, /pattern/],
    ["65 patterns", { allOf: times(65, (i) => ({ pattern: `a${i}` })) }, /more than 64 patterns/],
    ["large patterns", { allOf: times(9, (i) => ({ pattern: `a${i}(a?){450}` })) }, /too large/],
    ["more than 64 KiB", { title: "x".repeat(66_000) }, /larger than 65536/],
    [
      "more than 2000 subschemas",
      { properties: Object.fromEntries(times(2000, (i) => [i, {}])) },
      /2000/,
    ],
    ["more than 200 branches", { anyOf: times(101, () => ({ oneOf: [{}] })) }, /more than 200/],
    [
      "more than 32 levels",
      times(32, (i) => i).reduce<unknown>((items) => ({ items }), {}),
      /deeper than 32/,
    ],
  ])("%s", (_, schema, message) => {
    expect(faultOf(schema)).toMatch(message);
  });

  test("references that double at each step, at once", () => {
    const step = (i: number): unknown => ({
      allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }],
    });
    const $defs = Object.fromEntries(times(60, (i) => [`d${i}`, i < 59 ? step(i) : {}]));
    expect(
      cpuMs(() => expect(faultOf({ $defs, $ref: "#/$defs/d0" })).toMatch(/Grows/)),
    ).toBeLessThan(200);
  });
});

describe("compileSchema accepts up to its limits", () => {
  test.each<[string, unknown]>([
    ["32 levels", times(31, (i) => i).reduce<unknown>((items) => ({ items }), {})],
    ["200 branches", { anyOf: times(200, () => ({})) }],
    ["1999 properties", { properties: Object.fromEntries(times(1999, (i) => [i, {}])) }],
    [
      "8191 paths",
      {
        $defs: Object.fromEntries(
          times(12, (i) => [
            `d${i}`,
            i === 11
              ? {}
              : { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
          ]),
        ),
      },
    ],
  ])("%s", (_, schema) => {
    expect(faultOf(schema)).toBeUndefined();
  });

  test("two schemas with one $id", () => {
    const first = validatorOf({ $id: "https://example.com/a", type: "string" });
    const second = validatorOf({ $id: "https://example.com/a", type: "number" });
    expect([first("x"), second(1)]).toEqual([[], []]);
    expect(second("x")).toHaveLength(1);
  });
});

describe("validate names", () => {
  test("each fault by its place, five at most", () => {
    const validate = validatorOf({
      type: "object",
      properties: { "a/b~c": { items: { type: "string" } }, n: { minimum: 3 } },
      required: ["x"],
      additionalProperties: false,
    });
    expect(validate({ "a/b~c": ["s", 1], n: 2, other: 1 })).toEqual([
      { where: "", message: 'must have the property "x"' },
      { where: "/a~1b~0c/1", message: "must be string" },
      { where: "/n", message: "must be at least 3" },
      { where: "/other", message: "is not allowed" },
    ]);
    expect(validate({ "a/b~c": times(100, () => 1), x: 1 })).toHaveLength(5);
  });

  test.each<[unknown, string]>([
    [{ enum: ["a", 1] }, 'must be one of "a", 1'],
    [{ const: { a: 1 } }, 'must be {"a":1}'],
    [{ type: ["integer", "null"] }, "must be integer or null"],
    [{ pattern: "^a$" }, 'must match the pattern "^a$"'],
    [{ anyOf: [{ type: "null" }, { type: "number" }] }, "must match at least one of 2 schemas"],
    [{ oneOf: [{ type: "null" }] }, "must match exactly one of 1 schemas"],
    [{ not: {} }, "is not allowed"],
    [{ minLength: 99 }, "must have at least 99 characters"],
    [{ if: { type: "string" }, then: { maxLength: 1 } }, "must have at most 1 characters"],
  ])("what %j asks for, and never the value", (schema, message) => {
    const faults = validatorOf(schema)("hunter2-secret");
    expect(faults).toEqual([{ where: "", message }]);
    expect(JSON.stringify(faults)).not.toContain("hunter2");
  });

  test("nothing longer than 200 characters", () => {
    const validate = validatorOf({ additionalProperties: { enum: ["x".repeat(5000)] } });
    const [fault] = validate({ ["k".repeat(5000)]: 1 });
    expect(fault!.where.length).toBeLessThanOrEqual(200);
    expect(fault!.message.length).toBeLessThanOrEqual(200);
  });
});

describe("validate refuses what costs too much, and soon", () => {
  const nested = times(100, (i) => i).reduce<unknown>((inner) => [inner], 1);
  const letters = times(20_000, (i) => "ab"[(i * i + (i >> 3)) % 2]).join("");
  test.each<[string, unknown, unknown]>([
    [
      "recursion that doubles with each level of the value",
      {
        anyOf: [
          { type: "array", items: { $ref: "#" } },
          { items: { $ref: "#" }, type: "array" },
        ],
      },
      nested,
    ],
    [
      "many items against many branches",
      { items: { anyOf: times(200, (i) => ({ const: i })) } },
      times(100_000, () => 199),
    ],
    ["many items that must differ", { uniqueItems: true }, times(200_000, (i) => ({ a: i }))],
    [
      "many keys that branches look at",
      {
        allOf: times(30, (i) => ({
          anyOf: [{ patternProperties: { [`^a${i}`]: true } }, { additionalProperties: true }],
          unevaluatedProperties: { type: "null" },
        })),
      },
      Object.fromEntries(times(20_000, (i) => [`a${i}`, i])),
    ],
    ["a pattern that meets ever new states", { pattern: "[ab]*a[ab]{20}[cd]" }, letters],
    [
      "many texts for such a pattern",
      { items: { pattern: "[ab]*a[ab]{20}[cd]|c$" } },
      times(200, (i) => `${letters.slice(i * 100, i * 100 + 100)}c`),
    ],
    [
      "a long text measured by many branches",
      { allOf: times(200, () => ({ minLength: 600_000 })) },
      "😀".repeat(500_000),
    ],
    [
      "a pattern for keys hidden behind not",
      { not: { patternProperties: { "[ab]*a[ab]{20}[cd]": false } } },
      { [letters]: 1 },
    ],
  ])("%s", (_, schema, value) => {
    const validate = validatorOf(schema);
    // The limits aim at 50 ms; a cold and busy machine takes longer.
    expect(cpuMs(() => expect(validate(value)).toEqual(tooLarge))).toBeLessThan(400);
    expect(validate(undefined)).not.toEqual(tooLarge);
  });

  test("and still reads a large honest value", () => {
    const validate = validatorOf({
      type: "array",
      items: {
        type: "object",
        properties: {
          id: { type: "string", pattern: "^[0-9a-f]{8}-[0-9a-f]{4}$" },
          n: { minimum: 0 },
        },
        required: ["id"],
        additionalProperties: false,
      },
      uniqueItems: true,
    });
    expect(validate(times(3000, (i) => ({ id: `${String(10_000_000 + i)}-abcd`, n: i })))).toEqual(
      [],
    );
  });
});
