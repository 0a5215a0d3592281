/** Whether a value is the result of `tools/call` (2026-07-28, schema, CallToolResult). */
import { type Json, isObject, items, member, stringOf } from "./json.ts";

/** Undefined where it is one. `alsoTypes` are types of content that the specification has no word for. */
export function callResultFault(
  json: Json,
  alsoTypes: ReadonlySet<string> = new Set(),
): string | undefined {
  if (!isObject(json)) return "is no object";
  const content = member(json, "content");
  if (content?.node.type !== "array") return "has no array of content";
  const isError = member(json, "isError")?.node.type;
  if (isError !== undefined && isError !== "true" && isError !== "false") {
    return "has an isError that is no boolean";
  }
  if (!isOptionalObject(json, "_meta")) return "has a _meta that is no object";
  for (const [index, block] of items(content).entries()) {
    if (!isBlock(block, alsoTypes)) return `has a content[${index}] that is no content block`;
  }
  return undefined;
}

/** The types of its content. */
export function contentTypes(result: Json): ReadonlySet<string> {
  return new Set(
    items(member(result, "content")).flatMap((block) => stringOf(member(block, "type")) ?? []),
  );
}

/** The members that a block of each type must have as strings. */
const needed: ReadonlyMap<string, readonly string[]> = new Map([
  ["text", ["text"]],
  ["image", ["data", "mimeType"]],
  ["audio", ["data", "mimeType"]],
  ["resource_link", ["uri", "name"]],
  ["resource", []],
]);

function isBlock(block: Json, alsoTypes: ReadonlySet<string>): boolean {
  const type = stringOf(member(block, "type"));
  if (type === undefined || !isOptionalObject(block, "annotations")) return false;
  const names = needed.get(type);
  if (names === undefined) return alsoTypes.has(type);
  if (type === "resource" && !isContents(member(block, "resource"))) return false;
  return isOptionalObject(block, "_meta") && names.every((name) => isText(block, name));
}

function isContents(json: Json | undefined): boolean {
  return isText(json, "uri") && (isText(json, "text") || isText(json, "blob"));
}

function isText(json: Json | undefined, name: string): boolean {
  return stringOf(member(json, name)) !== undefined;
}

function isOptionalObject(json: Json, name: string): boolean {
  const found = member(json, name);
  return found === undefined || isObject(found);
}
