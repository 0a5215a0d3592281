/** What a record holds of a message: the whole of it, or why not. */
import { utf8Length } from "../core/index.ts";
import { type Json, at, parseJson, textOf } from "../mcp/index.ts";
import { type AuditFields, isFields } from "./query.ts";

/** The member `args` or `result` of a record. */
export interface HeldValue extends AuditFields {
  readonly bytes: number;
}
/** `"off"`: the value is not recorded; `"cut"`: its start alone is; `"cleaned"`: something was taken out. */
export type Missing = "off" | "cut" | "cleaned";

/** More than that is recorded cut. */
const maxWholeBytes = 8_192;
/** A record's values may be as deep as a client's message, and stand two levels deeper. */
const limits = { maxDepth: 1_000 };
/** What stands in the place of what was taken out; a client that writes it itself is not believed. */
const cleaned = /\[redacted|\[withheld\]|<U\+/;

/**
 * Where nothing was taken out or cut off it is as long as what was sent. Read from the line itself,
 * since JavaScript would round its numbers.
 */
export function readValue(
  line: string,
  name: "args" | "result",
  { bytes, value }: HeldValue,
): Json | Missing {
  if (value === undefined) return "off";
  if (bytes > maxWholeBytes) return "cut";
  const result = parseJson(line, limits);
  const json = result.ok ? at(result.json, name, "value") : undefined;
  if (json === undefined) return "off";
  const text = textOf(json);
  return utf8Length(text) === bytes && isUncleaned(text) ? json : "cleaned";
}

export function isUncleaned(text: string): boolean {
  return !cleaned.test(text);
}

export function isHeldValue(value: unknown): value is HeldValue {
  return isFields(value) && typeof value["bytes"] === "number";
}
