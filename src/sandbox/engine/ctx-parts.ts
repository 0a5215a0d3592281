/**
 * Where the members of a hook's second parameter stand in its JSON, so that the guest parses those
 * that its hook reads and no others: its own JSON takes some 25 ns for each character.
 */
import { ctxParts, spanUnit } from "./guest/bootstrap.ts";

export interface FoundParts {
  /** One bit for each of `ctxParts` that there is; -1 where the text has to be parsed as a whole. */
  readonly mask: number;
  /** By the order of `ctxParts`: `from * spanUnit + to`, or 0 where there is none. */
  readonly spans: readonly number[];
}

const indexes = new Map<string, number>(ctxParts.map((name, index) => [name, index]));
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const opening = 0x7b;
const closing = 0x7d;

const unknown: FoundParts = { mask: -1, spans: [] };

/** Knows what `JSON.stringify` writes, of members that are all in `ctxParts`. */
export function findParts(json: string): FoundParts {
  const spans: number[] = [];
  let mask = 0;
  for (let at = 0, last = json.length - 1; at < last;) {
    if (json.charCodeAt(at) !== (at === 0 ? opening : comma)) return unknown;
    if (json.charCodeAt(at + 1) !== quote) return unknown;
    const nameEnd = json.indexOf('"', at + 2);
    const index = indexes.get(json.slice(at + 2, nameEnd));
    if (index === undefined || (mask >> index) & 1) return unknown;
    if (json.charCodeAt(nameEnd + 1) !== colon) return unknown;
    const to = findEnd(json, nameEnd + 2);
    while (spans.length < index) spans.push(0);
    spans[index] = (nameEnd + 2) * spanUnit + to;
    mask |= 1 << index;
    at = to;
    if (at === last && json.charCodeAt(at) === closing) return { mask, spans };
  }
  return unknown;
}

/** Of the value that begins there: the first comma or bracket that is no part of it. */
function findEnd(json: string, from: number): number {
  let depth = 0;
  for (let at = from; at < json.length; at++) {
    const code = json.charCodeAt(at);
    // `[` and `{`, `]` and `}` differ in one bit.
    const bracket = code | 0x20;
    if (code === quote) at = findQuote(json, at + 1);
    else if (bracket === opening) depth++;
    else if (depth === 0 && (code === comma || bracket === closing)) return at;
    else if (bracket === closing) depth--;
  }
  return json.length;
}

/** The next one that no backslash escapes. */
function findQuote(json: string, from: number): number {
  for (let at = json.indexOf('"', from); at !== -1; at = json.indexOf('"', at + 1)) {
    let slashes = 0;
    while (json.charCodeAt(at - 1 - slashes) === backslash) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return json.length;
}
