/** Tool parameters mirrored into headers by `x-mcp-header` (2026-07-28, server, tools). */
import { type Json, type JsonObject, isObject, member, stringOf, textOf } from "./json.ts";

export interface ParamHeader {
  /** In lower case: `mcp-param-region`. */
  readonly header: string;
  /** Keys that lead from the arguments to the value. */
  readonly path: readonly string[];
  readonly type: "string" | "integer" | "boolean";
}
export const paramPrefix = "mcp-param-";

const keyword = "x-mcp-header";
const maxHeaders = 64;
const maxNameLength = 128;
/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const types = ["string", "integer", "boolean"] as const;
/** Keywords whose value is data and no schema: what stands in there is no annotation. */
const dataKeywords = new Set(["const", "default", "enum", "examples"]);
/** Keywords whose value maps names to schemas. */
const mapKeywords = new Set([
  "properties",
  "patternProperties",
  "$defs",
  "definitions",
  "dependentSchemas",
  "dependencies",
]);

/**
 * The headers an input schema declares, or why the tool must not be used: an annotation that is no
 * header name, stands twice, is on anything but a string, integer or boolean, or is reached by
 * anything but a chain of `properties`.
 */
export function toParamHeaders(
  inputSchema: JsonObject,
): { readonly headers: readonly ParamHeader[] } | { readonly fault: string } {
  const headers = new Map<string, ParamHeader>();
  const fault = readSchema(inputSchema, [], headers);
  if (fault !== undefined) return { fault };
  return headers.size > maxHeaders
    ? { fault: `Declares more than ${maxHeaders} headers` }
    : { headers: [...headers.values()] };
}

/** `path` is undefined where the schema is not reached by `properties` alone. */
function readSchema(
  schema: Json,
  path: readonly string[] | undefined,
  found: Map<string, ParamHeader>,
): string | undefined {
  if (!isObject(schema)) return undefined;
  const annotation = member(schema, keyword);
  if (annotation !== undefined) {
    const header = toParamHeader(annotation, schema, path);
    if ("fault" in header) return header.fault;
    if (found.has(header.header)) return `Declares the header "${header.header}" twice`;
    found.set(header.header, header);
  }
  for (const { key, value: node } of schema.node.members) {
    if (dataKeywords.has(key) || key === keyword) continue;
    const value = { source: schema.source, node };
    const fault = mapKeywords.has(key)
      ? readMap(value, key === "properties" ? path : undefined, found)
      : readNested(value, found);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function readMap(
  map: Json,
  path: readonly string[] | undefined,
  found: Map<string, ParamHeader>,
): string | undefined {
  if (!isObject(map)) return undefined;
  for (const { key, value: node } of map.node.members) {
    const fault = readSchema({ source: map.source, node }, path && [...path, key], found);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** A schema or a list of schemas under any other keyword; unknown keywords may hold one too. */
function readNested(value: Json, found: Map<string, ParamHeader>): string | undefined {
  if (value.node.type !== "array") return readSchema(value, undefined, found);
  for (const node of value.node.items) {
    const fault = readSchema({ source: value.source, node }, undefined, found);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function toParamHeader(
  annotation: Json,
  schema: Json,
  path: readonly string[] | undefined,
): ParamHeader | { readonly fault: string } {
  const name = stringOf(annotation);
  if (name === undefined || !token.test(name) || name.length > maxNameLength) {
    return { fault: `Declares a "${keyword}" that is no header name` };
  }
  if (path === undefined || path.length === 0) {
    return { fault: `Declares the header "${name}" where no chain of properties leads` };
  }
  const declared = stringOf(member(schema, "type"));
  const type = types.find((each) => each === declared);
  if (type === undefined) {
    return { fault: `Declares the header "${name}" on no string, integer or boolean` };
  }
  return { header: paramPrefix + name.toLowerCase(), path, type };
}

/** The text that a header carries for a value; undefined where no header can stand for it. */
export function toParamText(value: Json | undefined): string | undefined {
  switch (value?.node.type) {
    case "string":
      return value.node.value;
    case "true":
    case "false":
      return value.node.type;
    case "number":
      return toIntegerText(textOf(value));
    default:
      return undefined;
  }
}

/** Decimal digits of an integer in JavaScript's safe range, however it was spelt. */
function toIntegerText(text: string): string | undefined {
  const value = Number(text);
  return Number.isSafeInteger(value) ? String(value) : undefined;
}
