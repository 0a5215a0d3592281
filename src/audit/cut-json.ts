/** Cuts JSON short so that it stays JSON. */
import { type Json, type JsonNode, reread } from "../mcp/index.ts";

/**
 * The start of a JSON text, about `max` UTF-16 units long, with what is open there closed. Bytes that
 * are kept stay as they are. Looks at what is kept alone, however much comes after it.
 */
export function cutJson(json: Json, max: number): Json {
  const { source, node } = json;
  if (node.end - node.start <= max) return json;
  const limit = node.start + max;
  const upTo = (end: number): string => source.slice(node.start, end);
  let closing = "";
  let inner: JsonNode = node;
  for (;;) {
    if (inner.type === "string") {
      return reread(`${upTo(endInside(source, inner.start, limit))}"${closing}`);
    }
    if (inner.type !== "array" && inner.type !== "object") {
      return reread(`${upTo(inner.start)}null${closing}`);
    }
    closing = (inner.type === "array" ? "]" : "}") + closing;
    const { keptEnd, next, keyStart, keyEnd }: Crossing = crossing(inner, limit);
    // The start of a key may be another key, so that only the first one can be cut.
    const isFirst = keptEnd === inner.start + 1;
    if (next === undefined || keyStart >= limit || (keyEnd > limit && !isFirst)) {
      return reread(upTo(keptEnd) + closing);
    }
    if (keyEnd > limit) {
      return reread(`${upTo(endInside(source, keyStart, limit))}":null${closing}`);
    }
    if (next.start >= limit) return reread(`${upTo(next.start)}null${closing}`);
    inner = next;
  }
}

interface Crossing {
  /** End of the last child that lies before the limit, or of the opening bracket. */
  readonly keptEnd: number;
  /** The child that lies across the limit. */
  readonly next: JsonNode | undefined;
  readonly keyStart: number;
  /** The same as `keyStart` for an item, which has no key. */
  readonly keyEnd: number;
}

function crossing(node: JsonNode, limit: number): Crossing {
  let keptEnd = node.start + 1;
  if (node.type === "array") {
    for (const item of node.items) {
      if (item.end > limit)
        return { keptEnd, next: item, keyStart: item.start, keyEnd: item.start };
      keptEnd = item.end;
    }
  }
  if (node.type === "object") {
    for (const { keyStart, keyEnd, value } of node.members) {
      if (value.end > limit) return { keptEnd, next: value, keyStart, keyEnd };
      keptEnd = value.end;
    }
  }
  return { keptEnd, next: undefined, keyStart: limit, keyEnd: limit };
}

/** The last place before `limit` in the string at `start` that divides no escape and no pair. */
function endInside(source: string, start: number, limit: number): number {
  let at = start + 1;
  for (;;) {
    let next = at + 1;
    if (source[at] === "\\") next = at + (source[at + 1] === "u" ? 6 : 2);
    else if (source.codePointAt(at)! > 0xffff) next = at + 2;
    if (next > limit) return at;
    at = next;
  }
}
