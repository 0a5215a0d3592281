import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileLinear } from "../../src/core/index.ts";
import { type SchemaValidator, compileSchema } from "../../src/mcp/index.ts";
import { jsonOf } from "./json-of.ts";

function compile(schema: unknown): SchemaValidator {
  const compiled = compileSchema(jsonOf(JSON.stringify(schema)), compileLinear);
  if ("fault" in compiled) throw new Error(compiled.fault);
  return compiled;
}
const fits = (schema: unknown, value: unknown): boolean =>
  compile(schema).validate(value).length === 0;

const draft07 = "http://json-schema.org/draft-07/schema#";

/** Each schema with values that fit and values that do not. */
const table: readonly (readonly [
  schema: unknown,
  good: readonly unknown[],
  bad: readonly unknown[],
])[] = [
  [true, [1, null, {}], []],
  [false, [], [1, null, {}]],
  [{ type: "integer" }, [1, 1.0, -3], [1.5, "1", null]],
  [{ type: ["string", "null"] }, ["", null], [0, {}, []]],
  [{ type: "object" }, [{}], [[], null]],
  [{ enum: [1, "1", null, { a: [1] }] }, [1, "1", null, { a: [1] }], [true, { a: [2] }, [1]]],
  [{ const: { a: 1, b: 2 } }, [{ b: 2, a: 1 }], [{ a: 1 }, { a: 1, b: 2, c: 3 }]],
  [{ const: false }, [false], [0]],
  [{ const: null }, [null], [{}, 0]],
  [{ multipleOf: 0.0001 }, [0.0075, 1], [0.00751]],
  [{ multipleOf: 0.1 }, [0.3, 0.7, 1e20], [0.35]],
  [{ multipleOf: 3 }, [0, -3, 9, "x"], [1]],
  [{ minimum: 1, exclusiveMaximum: 2 }, [1, 1.9, "x"], [0.9, 2]],
  [{ minLength: 2, maxLength: 3 }, ["ab", "😀😀", "😀😀😀", 1], ["a", "😀", "abcd", "😀😀😀😀"]],
  [{ pattern: "^a+$" }, ["aa", 1], ["ab", ""]],
  [{ minItems: 1, maxItems: 2 }, [[1], [1, 2], {}], [[], [1, 2, 3]]],
  [
    { uniqueItems: true },
    [
      [1, "1", true],
      [{ a: 1 }, { a: 2 }],
    ],
    [
      [1, 1.0],
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    ],
  ],
  [{ minProperties: 1, maxProperties: 1 }, [{ a: 1 }, []], [{}, { a: 1, b: 2 }]],
  [{ required: ["toString"] }, [{ toString: 1 }, []], [{}]],
  [
    { properties: { constructor: { type: "string" } } },
    [{}, { constructor: "x" }],
    [{ constructor: 1 }],
  ],
  [{ dependentRequired: { a: ["b"] } }, [{}, { b: 1 }, { a: 1, b: 1 }], [{ a: 1 }]],
  [{ dependentSchemas: { a: { minProperties: 2 } } }, [{ b: 1 }, { a: 1, b: 1 }], [{ a: 1 }]],
  [
    {
      properties: { a: {} },
      patternProperties: { "^x": { type: "null" } },
      additionalProperties: false,
    },
    [{ a: 1, x1: null }],
    [{ x1: 1 }, { b: 1 }],
  ],
  [{ propertyNames: { maxLength: 1 } }, [{ a: 1 }], [{ ab: 1 }]],
  [{ items: { type: "string" } }, [[], ["a"], {}], [["a", 1]]],
  [{ prefixItems: [{ type: "string" }], items: false }, [[], ["a"]], [[1], ["a", 1]]],
  [{ contains: { const: 1 } }, [[1, 2], {}], [[], [2]]],
  [{ contains: { const: 1 }, minContains: 2, maxContains: 3 }, [[1, 1]], [[1], [1, 1, 1, 1]]],
  [{ contains: { const: 1 }, minContains: 0 }, [[]], []],
  [{ allOf: [{ minimum: 1 }, { maximum: 2 }] }, [1, 2], [0, 3]],
  [{ anyOf: [{ type: "string" }, { minimum: 1 }] }, ["a", 1], [0]],
  [{ oneOf: [{ minimum: 1 }, { multipleOf: 2 }] }, [1, 0], [2]],
  [{ not: { type: "string" } }, [1], ["a"]],
  [{ if: { type: "string" }, then: { minLength: 1 }, else: { minimum: 1 } }, ["a", 1], ["", 0]],
  [{ then: false, else: false }, [1], []],
  [{ allOf: [{ properties: { a: {} } }], unevaluatedProperties: false }, [{ a: 1 }], [{ b: 1 }]],
  [
    {
      anyOf: [{ properties: { a: { const: 1 } } }, { properties: { b: true }, required: ["b"] }],
      unevaluatedProperties: false,
    },
    [{ a: 1 }, { a: 1, b: 1 }, { b: 1 }],
    [{ a: 2, b: 1 }, { c: 1 }],
  ],
  [
    { if: { properties: { a: { const: 1 } }, required: ["a"] }, unevaluatedProperties: false },
    [{ a: 1 }, {}],
    [{ a: 2 }],
  ],
  [
    { $ref: "#/$defs/x", $defs: { x: { properties: { a: true } } }, unevaluatedProperties: false },
    [{ a: 1 }],
    [{ b: 1 }],
  ],
  [
    { prefixItems: [true], contains: { const: 1 }, unevaluatedItems: false },
    [[2, 1, 1]],
    [[2, 1, 3]],
  ],
  [{ not: { properties: { a: true } }, unevaluatedProperties: false }, [], [{}, { a: 1 }]],
  [{ $ref: "#/$defs/a%20b~1c", $defs: { "a b/c": { type: "string" } } }, ["x"], [1]],
  [{ $ref: "#here", $defs: { x: { $anchor: "here", type: "string" } } }, ["x"], [1]],
  [{ $dynamicRef: "#node", $defs: { x: { $dynamicAnchor: "node", type: "string" } } }, ["x"], [1]],
  [{ $ref: "#/$defs/a", minimum: 1, $defs: { a: { maximum: 2 } } }, [1, 2], [0, 3]],
  [
    {
      $ref: "item",
      $defs: {
        x: {
          $id: "item",
          type: "object",
          properties: { sub: { $ref: "#" } },
          additionalProperties: false,
        },
      },
    },
    [{}, { sub: { sub: {} } }],
    [1, { sub: { other: 1 } }],
  ],
  [
    {
      $id: "https://a.example/root.json",
      $ref: "defs.json#/$defs/n",
      $defs: { d: { $id: "defs.json", $defs: { n: { type: "number" } } } },
    },
    [1],
    ["x"],
  ],
  [
    {
      properties: { next: { $ref: "#" }, value: { type: "integer" } },
      additionalProperties: false,
    },
    [{ next: { next: { value: 1 } } }],
    [{ next: { next: { value: "x" } } }],
  ],
  [
    { format: "email", contentEncoding: "base64", "x-other": { type: 1 }, deprecated: true },
    ["x", 1],
    [],
  ],
  [{ properties: { $ref: { type: "string" } } }, [{ $ref: "x" }], [{ $ref: 1 }]],
  [
    { $schema: draft07, items: [{ type: "string" }], additionalItems: false },
    [["a"]],
    [[1], ["a", 1]],
  ],
  [
    { $schema: draft07, dependencies: { a: ["b"], c: { required: ["d"] } } },
    [
      { a: 1, b: 1 },
      { c: 1, d: 1 },
    ],
    [{ a: 1 }, { c: 1 }],
  ],
  [
    { $schema: draft07, $ref: "#/definitions/a", minimum: 1, definitions: { a: { maximum: 2 } } },
    [0, 2],
    [3],
  ],
  [
    { $schema: draft07, definitions: { a: { $id: "#a", type: "string" } }, items: { $ref: "#a" } },
    [["x"]],
    [[1]],
  ],
  [{ $schema: draft07, unevaluatedProperties: false, prefixItems: [false] }, [{ a: 1 }, [1]], []],
  [{ dependencies: { a: ["b"] } }, [{ a: 1 }], []],
];

describe("compileSchema", () => {
  test.each(
    table.map(([schema, good, bad]) => [JSON.stringify(schema), schema, good, bad] as const),
  )("%s", (_, schema, good, bad) => {
    for (const value of good) expect(fits(schema, value), JSON.stringify(value)).toBe(true);
    for (const value of bad) expect(fits(schema, value), JSON.stringify(value)).toBe(false);
  });

  test("takes a number that cannot be held for no number", () => {
    expect(fits({ type: "number" }, JSON.parse("1e999"))).toBe(false);
  });
});

const scalar = fc.constantFrom<unknown>(null, true, 0, 1, 1.5, 2, "", "a", "ab");
const { value: anyInstance } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { maxKeys: 3 }),
  ),
}));
/** As a JSON parser makes them: Ajv takes objects without prototype for other objects. */
const instance = anyInstance.map((value): unknown => JSON.parse(JSON.stringify(value)));
const limit = fc.nat(2);
const names = fc.uniqueArray(fc.constantFrom("a", "b", "c"), { maxLength: 2 });

/**
 * Random schemas of one dialect; `s` is a subschema. Without `contains` and `unevaluated…`: Ajv 8.20
 * is wrong on an empty array that should contain something, and on some of what `items`, `if` and
 * `contains` have looked at. The table above has those.
 */
function schemaArbitrary(own: (s: fc.Arbitrary<unknown>) => Record<string, fc.Arbitrary<unknown>>) {
  return fc.letrec<{ schema: unknown }>((tie) => {
    const s = tie("schema");
    const list = fc.array(s, { minLength: 1, maxLength: 2 });
    const map = fc.dictionary(fc.constantFrom("a", "b", "c"), s, { maxKeys: 2 });
    const keywords = {
      type: fc.constantFrom("object", "array", "string", "number", "integer", "null", [
        "string",
        "object",
      ]),
      const: instance,
      enum: fc.uniqueArray(instance, {
        minLength: 1,
        maxLength: 3,
        comparator: (a, b) => JSON.stringify(a) === JSON.stringify(b),
      }),
      minimum: limit,
      exclusiveMaximum: limit,
      multipleOf: fc.constantFrom(0.5, 1, 2),
      minLength: limit,
      maxLength: limit,
      pattern: fc.constantFrom("^a", "b$"),
      minItems: limit,
      maxItems: limit,
      uniqueItems: fc.boolean(),
      required: names,
      minProperties: limit,
      maxProperties: limit,
      properties: map,
      patternProperties: fc.dictionary(fc.constantFrom("^a", "b"), s, { maxKeys: 2 }),
      additionalProperties: s,
      propertyNames: s,
      allOf: list,
      anyOf: list,
      oneOf: list,
      not: s,
      if: s,
      then: s,
      else: s,
      ...own(s),
    };
    const one = fc
      .constantFrom(...Object.keys(keywords))
      .chain((keyword) =>
        keywords[keyword as keyof typeof keywords].map((value) => [keyword, value] as const),
      );
    const object = fc.array(one, { maxLength: 4 }).map((entries) => Object.fromEntries(entries));
    return { schema: fc.oneof({ maxDepth: 3 }, fc.boolean(), object, object, object) };
  }).schema;
}

const modernSchema = schemaArbitrary((s) => ({
  items: s,
  prefixItems: fc.array(s, { minLength: 1, maxLength: 2 }),
  dependentRequired: fc.dictionary(fc.constantFrom("a", "b"), names, { maxKeys: 1 }),
  dependentSchemas: fc.dictionary(fc.constantFrom("a", "b"), s, { maxKeys: 1 }),
}));
const formerSchema = schemaArbitrary((s) => ({
  items: fc.oneof(s, fc.array(s, { minLength: 1, maxLength: 2 })),
  additionalItems: s,
  dependencies: fc.dictionary(fc.constantFrom("a", "b"), fc.oneof(s, names), { maxKeys: 1 }),
}));
const settings = {
  strict: false,
  validateFormats: false,
  meta: false,
  validateSchema: false,
  ownProperties: true,
  logger: false,
} as const;

/** Ajv's validators for 2020-12 throw for some values; those say nothing. */
function judge(validate: (value: unknown) => unknown, value: unknown): unknown {
  try {
    return validate(value);
  } catch {
    return undefined;
  }
}

describe("compileSchema judges as Ajv does", () => {
  test("in 2020-12", () => {
    fc.assert(
      fc.property(
        modernSchema,
        fc.array(instance, { minLength: 1, maxLength: 5 }),
        (schema, values) => {
          const validate = new Ajv2020(settings).compile(schema as object);
          const own = compile(schema);
          for (const value of values) {
            const expected = judge(validate, value);
            if (expected !== undefined) expect(own.validate(value).length === 0).toBe(expected);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("in draft-07", () => {
    fc.assert(
      fc.property(
        formerSchema,
        fc.array(instance, { minLength: 1, maxLength: 5 }),
        (schema, values) => {
          fc.pre(typeof schema === "object");
          const validate = new Ajv(settings).compile(schema as object);
          const own = compile({ ...(schema as object), $schema: draft07 });
          for (const value of values) {
            const expected = judge(validate, value);
            if (expected !== undefined) expect(own.validate(value).length === 0).toBe(expected);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
