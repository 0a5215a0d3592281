/**
 * A JSON Schema as a TypeScript type. Whoever wrote the schema may be hostile, so nothing of it is
 * written but names and literals, each as an escaped string; there are no comments, no type names, and
 * nothing is ever fetched. What is not understood is `unknown`.
 */
import { escapeUnseen } from "../core/index.ts";
import {
  type Json,
  type JsonObject,
  exactNumber,
  isObject,
  items,
  member,
  stringOf,
  textOf,
} from "../mcp/index.ts";

/** Of one schema; references can make a small one grow without end. */
const maxNodes = 2_000;
const maxDepth = 8;
const maxLiterals = 100;
const maxLiteral = 200;

interface Place {
  readonly root: JsonObject;
  /** The references that led here. */
  readonly refs: readonly string[];
  readonly depth: number;
  readonly indent: string;
  readonly spent: { nodes: number };
}

/** The type of a tool's arguments; of any names where the schema does not say which there are. */
export function toArgumentsType(schema: Json | undefined, indent: string): string {
  if (!isObject(schema)) return openType;
  const place = { root: schema, refs: [], depth: 0, indent, spent: { nodes: 0 } };
  const type = toType(schema, place);
  return isObjectType.test(type) ? type : openType;
}

const openType = "{ [name: string]: unknown }";
/** No literal holds a line break. */
const isObjectType = /\{\n|^\{\}$/;

/** A string literal, which is a property name as well. */
export function toLiteral(text: string): string {
  return escapeUnseen(JSON.stringify(text));
}

function toType(schema: Json, place: Place): string {
  const { spent, depth } = place;
  if (schema.node.type === "false") return "never";
  if (!isObject(schema) || ++spent.nodes > maxNodes || depth > maxDepth) return "unknown";
  const ref = stringOf(member(schema, "$ref"));
  if (ref !== undefined) return toReferred(ref, place);
  const literals = toLiterals(schema);
  if (literals !== undefined) return literals;
  const inside = { ...place, depth: depth + 1 };
  const parts = [
    toOwnType(schema, inside),
    ...items(member(schema, "allOf")).map((each) => toType(each, inside)),
    ...["anyOf", "oneOf"].map((key) =>
      toUnion(items(member(schema, key)).map((each) => toType(each, inside))),
    ),
  ];
  const known = [...new Set(parts)].filter((part) => part !== "unknown");
  if (known.length === 0) return "unknown";
  const type = known.length === 1 ? (known[0] ?? "unknown") : known.map(grouped).join(" & ");
  return member(schema, "nullable")?.node.type === "true" ? toUnion([type, "null"]) : type;
}

/** Only what stands in the schema itself, and a type that holds itself is unknown at that place. */
function toReferred(ref: string, place: Place): string {
  if (place.refs.includes(ref) || !/^#(?:\/|$)/.test(ref)) return "unknown";
  let found: Json | undefined = place.root;
  for (const step of ref.split("/").slice(1)) {
    found = member(found, step.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  if (found === undefined) return "unknown";
  return toType(found, { ...place, refs: [...place.refs, ref], depth: place.depth + 1 });
}

function toLiterals(schema: JsonObject): string | undefined {
  const only = member(schema, "const");
  const values = only === undefined ? items(member(schema, "enum")) : [only];
  if (values.length === 0) return undefined;
  if (values.length > maxLiterals) return "unknown";
  return toUnion(values.map(toLiteralType));
}

function toLiteralType(value: Json): string {
  const { type } = value.node;
  const text = stringOf(value);
  if (text !== undefined) return text.length > maxLiteral ? "string" : toLiteral(text);
  if (type === "number") return String(exactNumber(value) ?? "number");
  return type === "null" || type === "true" || type === "false" ? type : "unknown";
}

function toOwnType(schema: JsonObject, place: Place): string {
  const type = member(schema, "type");
  const named = stringOf(type);
  if (named !== undefined) return toNamedType(named, schema, place);
  const several = items(type).map((each) => toNamedType(stringOf(each) ?? "", schema, place));
  if (several.length > 0) return toUnion(several);
  return member(schema, "properties") === undefined ? "unknown" : toObjectType(schema, place);
}

function toNamedType(type: string, schema: JsonObject, place: Place): string {
  switch (type) {
    case "string":
    case "boolean":
    case "null":
      return type;
    case "number":
    case "integer":
      return "number";
    case "array": {
      const item = member(schema, "prefixItems") ? undefined : member(schema, "items");
      return `readonly ${grouped(item === undefined ? "unknown" : toType(item, place))}[]`;
    }
    case "object":
      return toObjectType(schema, place);
    default:
      return "unknown";
  }
}

/** Properties that the schema names are all that there are, unless it says that others may come. */
function toObjectType(schema: JsonObject, place: Place): string {
  const properties = member(schema, "properties");
  const more = member(schema, "additionalProperties");
  const members = isObject(properties) ? properties.node.members : [];
  const required = new Set(items(member(schema, "required")).map(stringOf));
  const inside = { ...place, indent: `${place.indent}  ` };
  const lines = new Map(
    members.map(({ key, value }) => {
      const type = toType({ source: schema.source, node: value }, inside);
      return [key, `${toLiteral(key)}${required.has(key) ? "" : "?"}: ${type};`];
    }),
  );
  const sorted = [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  const isClosed = more?.node.type === "false" || (more === undefined && properties !== undefined);
  if (!isClosed || member(schema, "patternProperties") !== undefined) {
    const isMap = isObject(more) && members.length === 0 && textOf(more) !== "{}";
    sorted.push(`[name: string]: ${isMap ? toType(more, inside) : "unknown"};`);
  }
  if (sorted.length === 0) return "{}";
  return `{\n${sorted.map((line) => `${inside.indent}${line}\n`).join("")}${place.indent}}`;
}

function toUnion(types: readonly string[]): string {
  const several = [...new Set(types)];
  if (several.length === 0 || several.includes("unknown")) return "unknown";
  return several.length === 1 ? (several[0] ?? "unknown") : several.map(grouped).join(" | ");
}

function grouped(type: string): string {
  return /^(?:"(?:[^"\\]|\\.)*"|[\w.-]+|\{[^{}]*\})$/.test(type) ? type : `(${type})`;
}
