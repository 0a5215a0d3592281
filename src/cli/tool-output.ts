/** How tools and their answers are shown. Nothing that a server says reaches the terminal as it is. */
import { toLineText } from "../audit/index.ts";
import {
  type Json,
  type JsonObject,
  at,
  items,
  member,
  stringOf,
  textOf,
  toValue,
} from "../mcp/index.ts";
import { toSafeLine, toSafeText } from "./safe-text.ts";
import { toTable } from "./table.ts";
import type { Tool } from "./tool-server.ts";

const maxAbout = 72;

export function toToolTable(tools: readonly Tool[]): string {
  const rows = tools.map(({ name, definition }) => [
    toSafeLine(name, 128),
    hintsOf(definition).join(", ") || "-",
    toSafeLine(titleOf(definition) ?? stringOf(member(definition, "description")) ?? "", maxAbout),
  ]);
  return toTable(["name", "hints", "about"], rows);
}

/** The definitions as they came, one on each line. */
export function toToolJson(tools: readonly Tool[]): string {
  return `[\n${tools.map(({ definition }) => toLineText(textOf(definition))).join(",\n")}\n]`;
}

export function toToolText({ name, definition }: Tool): string {
  const facts = [
    ["name", name],
    ["title", titleOf(definition)],
    ["hints, as the server says", hintsOf(definition).join(", ") || undefined],
  ].flatMap(([what, value]) => (value === undefined ? [] : [`${what}: ${toSafeLine(value, 200)}`]));
  const description = stringOf(member(definition, "description"));
  const known = new Set(["name", "title", "description", "annotations"]);
  const rest = definition.node.members
    .filter(({ key }) => !known.has(key))
    .map(({ key, value }) => {
      const json = { source: definition.source, node: value };
      return `\n${toSafeLine(key, 80)}:\n${toReadable(json)}`;
    });
  const about = description === undefined ? [] : ["", toSafeText(description)];
  return [...facts, ...about, ...rest].join("\n");
}

/** The hints that a tool is annotated with; a server may say anything here. */
function hintsOf(definition: JsonObject): readonly string[] {
  const says = (key: string, value: "true" | "false"): boolean =>
    at(definition, "annotations", key)?.node.type === value;
  return [
    ...(says("readOnlyHint", "true") ? ["read-only"] : []),
    ...(says("destructiveHint", "true") ? ["destructive"] : []),
    ...(says("idempotentHint", "true") ? ["idempotent"] : []),
    ...(says("openWorldHint", "false") ? ["closed world"] : []),
  ];
}

function titleOf(definition: JsonObject): string | undefined {
  return stringOf(member(definition, "title")) ?? stringOf(at(definition, "annotations", "title"));
}

function toReadable(json: Json): string {
  return toSafeText(JSON.stringify(toValue(json), undefined, 2));
}

/** The contents of a result: texts as they are, of the rest what it is. */
export function toResultText(result: JsonObject): string {
  const texts = items(member(result, "content")).map(toContentText);
  const structured = member(result, "structuredContent");
  if (texts.length === 0 && structured !== undefined) texts.push(toReadable(structured));
  return texts.join("\n");
}

export function toResultJson(result: JsonObject): string {
  return toLineText(textOf(result));
}

function toContentText(content: Json): string {
  const type = stringOf(member(content, "type")) ?? "unknown";
  const text = stringOf(member(content, "text")) ?? stringOf(at(content, "resource", "text"));
  if (text !== undefined) return toSafeText(text);
  const pick = (key: string): string | undefined =>
    stringOf(member(content, key)) ?? stringOf(at(content, "resource", key));
  const data = stringOf(member(content, "data")) ?? stringOf(at(content, "resource", "blob"));
  const size = data === undefined ? undefined : `${data.length} characters of Base64`;
  const about = [type, pick("mimeType"), pick("uri"), size].filter((part) => part !== undefined);
  return `[${toSafeLine(about.join(", "), 300)}]`;
}

/** A notification that came before the answer, as one line; undefined where it is of no interest. */
export function toNotificationText(message: JsonObject): string | undefined {
  const params = member(message, "params");
  const method = stringOf(member(message, "method"));
  if (method === "notifications/progress") {
    const [progress, total] = [member(params, "progress"), member(params, "total")];
    const of = total === undefined ? "" : ` of ${textOf(total)}`;
    const text = stringOf(member(params, "message"));
    const line = `progress ${progress === undefined ? "" : textOf(progress)}${of}`;
    return toSafeLine(text === undefined ? line : `${line}: ${text}`, 300);
  }
  if (method !== "notifications/message") return undefined;
  const data = member(params, "data");
  const logger = stringOf(member(params, "logger"));
  const said = data === undefined ? "" : (stringOf(data) ?? textOf(data));
  const level = stringOf(member(params, "level")) ?? "info";
  return toSafeLine(`${level}${logger === undefined ? "" : ` ${logger}`}: ${said}`, 1_000);
}
