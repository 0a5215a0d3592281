/** Changes a JSON text in place: what is not named keeps its bytes (law 2). */
import { type Json, type JsonObject, textOf } from "./json.ts";
import { parseJson } from "./parse-json.ts";

/** Replaces `source[start, end)` by `text`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The text of `json` with `edits` applied. Edits are positions in `json.source`, lie within the
 * value and do not overlap; their order does not matter.
 */
export function splice(json: Json, edits: readonly Edit[]): string {
  if (edits.length === 0) return textOf(json);
  const { source, node } = json;
  let at = node.start;
  let out = "";
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (edit.start < at || edit.end > node.end)
      throw new RangeError("Edits overlap or lie outside");
    out += source.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return out + source.slice(at, node.end);
}

/** As `splice`, read again: the result has spans of its own. */
export function spliced(json: Json, edits: readonly Edit[]): Json {
  return edits.length === 0 ? json : reread(splice(json, edits));
}

/** Reads a text that this house wrote; a fault in it is a bug. */
export function reread(text: string): Json {
  const result = parseJson(text);
  if (!result.ok)
    throw new Error(`Wrote JSON that cannot be read: ${result.fault} at ${result.at}`);
  return result.json;
}

/** Replaces a whole value. */
export function replace(json: Json, text: string): Edit {
  return { start: json.node.start, end: json.node.end, text };
}

/**
 * Edits that set members of an object to JSON texts, and remove those given as undefined.
 * A member that exists keeps its place, a new one comes right behind the last that stays: to set
 * and to remove it again leaves the text as it was.
 */
export function setMembers(
  json: JsonObject,
  changes: Readonly<Record<string, string | undefined>>,
): Edit[] {
  const { members, end } = json.node;
  const edits: Edit[] = [];
  const isGone = (key: string): boolean =>
    Object.hasOwn(changes, key) && changes[key] === undefined;
  const kept = members.filter((each) => !isGone(each.key));
  if (kept.length < members.length) edits.push(...removals(json, isGone));
  const added: string[] = [];
  for (const [key, text] of Object.entries(changes)) {
    if (text === undefined) continue;
    const found = members.find((each) => each.key === key);
    if (found) edits.push({ start: found.value.start, end: found.value.end, text });
    else added.push(`${JSON.stringify(key)}:${text}`);
  }
  if (added.length > 0) {
    const last = kept.at(-1);
    const at = last?.value.end ?? end - 1;
    const text = (last === undefined ? "" : ",") + added.join(",");
    edits.push({ start: at, end: at, text });
  }
  return edits;
}

/** Edits that remove the members whose key is named, each with one comma. */
export function removals(json: JsonObject, isNamed: (key: string) => boolean): Edit[] {
  const spans = json.node.members.map((each) => ({
    start: each.keyStart,
    end: each.value.end,
    gone: isNamed(each.key),
  }));
  return removeSpans(spans);
}

/** Edits that remove the items of an array at the named places. */
export function removeItems(json: Json, isNamed: (index: number) => boolean): Edit[] {
  if (json.node.type !== "array") return [];
  const spans = json.node.items.map((node, index) => ({
    start: node.start,
    end: node.end,
    gone: isNamed(index),
  }));
  return removeSpans(spans);
}

function removeSpans(
  spans: readonly { readonly start: number; readonly end: number; readonly gone: boolean }[],
): Edit[] {
  const kept = spans.filter((span) => !span.gone);
  if (kept.length === spans.length) return [];
  const [first] = spans;
  const last = spans.at(-1);
  if (kept.length === 0 && first && last) return [{ start: first.start, end: last.end, text: "" }];
  const edits: Edit[] = [];
  let keptEnd: number | undefined;
  let gap = false;
  for (const span of spans) {
    if (span.gone) {
      gap = true;
      if (keptEnd !== undefined) edits.push({ start: keptEnd, end: span.end, text: "" });
      if (keptEnd !== undefined) keptEnd = span.end;
    } else {
      if (gap && keptEnd === undefined)
        edits.push({ start: spans[0]!.start, end: span.start, text: "" });
      keptEnd = span.end;
      gap = false;
    }
  }
  return edits;
}
