/** The keywords of JSON Schema that decide, what each holds, and what it may look like. */

export type Dialect = "2020-12" | "draft-07";

/** The dialect that `$schema` names; undefined for one that is not spoken here. */
export function toDialect($schema: unknown): Dialect | undefined {
  if ($schema === undefined) return "2020-12";
  if (typeof $schema !== "string") return undefined;
  if (/^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/.test($schema)) return "2020-12";
  return /^https?:\/\/json-schema\.org\/draft-0[67]\/schema#?$/.test($schema)
    ? "draft-07"
    : undefined;
}

interface SchemaKeyword {
  readonly keyword: string;
  /** One schema, a list of them, or a map from names to them. */
  readonly holds: "one" | "list" | "map";
  /** The schemas look at the same value as the one they stand in, not at a part of it. */
  readonly inPlace?: true;
  readonly dialect?: Dialect;
}
const inPlace = true;
const modern: Dialect = "2020-12";
const former: Dialect = "draft-07";

/** Keywords with schemas in them; `definitions` is read in both dialects, as everybody does. */
export const schemaKeywords: readonly SchemaKeyword[] = [
  { keyword: "allOf", holds: "list", inPlace },
  { keyword: "anyOf", holds: "list", inPlace },
  { keyword: "oneOf", holds: "list", inPlace },
  { keyword: "not", holds: "one", inPlace },
  { keyword: "if", holds: "one", inPlace },
  { keyword: "then", holds: "one", inPlace },
  { keyword: "else", holds: "one", inPlace },
  { keyword: "dependentSchemas", holds: "map", inPlace, dialect: modern },
  { keyword: "dependencies", holds: "map", inPlace, dialect: former },
  { keyword: "properties", holds: "map" },
  { keyword: "patternProperties", holds: "map" },
  { keyword: "additionalProperties", holds: "one" },
  { keyword: "propertyNames", holds: "one" },
  { keyword: "contains", holds: "one" },
  { keyword: "items", holds: "one" },
  { keyword: "prefixItems", holds: "list", dialect: modern },
  { keyword: "additionalItems", holds: "one", dialect: former },
  { keyword: "unevaluatedItems", holds: "one", dialect: modern },
  { keyword: "unevaluatedProperties", holds: "one", dialect: modern },
  { keyword: "$defs", holds: "map" },
  { keyword: "definitions", holds: "map" },
];

/** Maps that are only referred to. */
export const definitionKeywords: ReadonlySet<string> = new Set(["$defs", "definitions"]);

/** Lists whose lengths multiply when they are nested. */
export const composingKeywords: ReadonlySet<string> = new Set(["allOf", "anyOf", "oneOf"]);

const types = new Set(["string", "number", "integer", "boolean", "null", "object", "array"]);
const isAnything = (): boolean => true;
const isBoolean = (value: unknown): boolean => typeof value === "boolean";
const isNumber = (value: unknown): boolean => Number.isFinite(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isString = (value: unknown): value is string => typeof value === "string";
export const isNames = (value: unknown): boolean => Array.isArray(value) && value.every(isString);
const isType = (value: unknown): boolean => isString(value) && types.has(value);

/** Keywords with plain values; a value that is not as here makes the schema wrong. */
const valueKeywords: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  [
    "type",
    (value: unknown) =>
      Array.isArray(value) ? value.length > 0 && value.every(isType) : isType(value),
  ],
  ["enum", (value: unknown) => Array.isArray(value) && value.length > 0],
  ["const", isAnything],
  ["multipleOf", (value: unknown) => isNumber(value) && Number(value) > 0],
  ["maximum", isNumber],
  ["exclusiveMaximum", isNumber],
  ["minimum", isNumber],
  ["exclusiveMinimum", isNumber],
  ["maxLength", isCount],
  ["minLength", isCount],
  ["pattern", isString],
  ["maxItems", isCount],
  ["minItems", isCount],
  ["uniqueItems", isBoolean],
  ["maxContains", isCount],
  ["minContains", isCount],
  ["maxProperties", isCount],
  ["minProperties", isCount],
  ["required", isNames],
  ["dependentRequired", (value: unknown) => isRecord(value) && Object.values(value).every(isNames)],
]);

/** The first keyword of a subschema whose plain value is wrong. */
export function checkKeywords(
  schema: Readonly<Record<string, unknown>> | boolean,
): string | undefined {
  if (typeof schema === "boolean") return undefined;
  return [...valueKeywords].find(
    ([keyword, isFit]) => Object.hasOwn(schema, keyword) && !isFit(schema[keyword]),
  )?.[0];
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
