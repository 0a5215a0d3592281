/** The texts of a message as one string, and edits of that string carried over to the message. */
import {
  type Edit,
  type Json,
  type JsonNode,
  type JsonObjectNode,
  type JsonStringNode,
  spliced,
} from "../mcp/index.ts";
import { type Leaf, type Place, dataPlace } from "./places.ts";
import { toSourceEdit } from "./source-edits.ts";
import { applyEdits } from "./text.ts";

/** What people and models read of a message, in the order in which it stands there. */
export interface TextLeaves {
  /** The leaves, joined by U+001E, which stands in none of them: it is U+001F there. */
  readonly text: string;
  readonly nodes: readonly JsonStringNode[];
  /** Those that are keys, each with its object. */
  readonly keys: ReadonlyMap<JsonStringNode, JsonObjectNode>;
}
/** UTF-16 units of the joined text. */
export interface LeafSpan {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

const separator = "\u001e";
/** Attack: a server writes a separator into a word, which looks like two and is one once it is cleaned. */
const inside = "\u001f";

/**
 * The strings that a place of the protocol calls text: neither names and URIs, nor what is only given
 * back, nor what is base64; of objects the values, and each key before its value where `withKeys` asks
 * for them and the place says that they are text. All of `parts` are parts of one source.
 */
export function toLeaves(
  parts: readonly (readonly [json: Json, place: Place])[],
  { withKeys = false }: { readonly withKeys?: boolean } = {},
): TextLeaves {
  const nodes: JsonStringNode[] = [];
  const keys = new Map<JsonStringNode, JsonObjectNode>();
  for (const [json, place] of parts) collect(json.node, place, nodes, withKeys ? keys : undefined);
  return {
    text: nodes.map(({ value }) => value.replaceAll(separator, inside)).join(separator),
    nodes,
    keys,
  };
}

/** `keys` where they are asked for. */
function collect(
  node: JsonNode,
  role: Leaf | Place,
  nodes: JsonStringNode[],
  keys: Map<JsonStringNode, JsonObjectNode> | undefined,
): void {
  switch (node.type) {
    case "string":
      if ((typeof role !== "string" || role === "text") && node.value !== "") nodes.push(node);
      return;
    case "array":
      for (const item of node.items) collect(item, role, nodes, keys);
      return;
    case "object": {
      const place = typeof role === "string" ? dataPlace : role;
      const seen = place.keysAreText ? keys : undefined;
      for (const { key, keyStart, keyEnd, value } of node.members) {
        if (seen !== undefined && key !== "") {
          const leaf = { type: "string", start: keyStart, end: keyEnd, value: key } as const;
          nodes.push(leaf);
          seen.set(leaf, node);
        }
        collect(value, place.rows.get(key) ?? place.others, nodes, keys);
      }
      return;
    }
    default:
  }
}

/**
 * `json` with the spans of its joined text replaced; everything else keeps its bytes. `spans` are in
 * order. One that lies over several leaves is cut to each, and its replacement stands in the first;
 * where a leaf begins is counted and not looked for, so that a separator inside of one means nothing.
 * A character of two units goes as a whole, since half of one is no text. Undefined where two keys of
 * one object would become the same.
 */
export function editLeaves(
  json: Json,
  { nodes, keys }: TextLeaves,
  spans: readonly LeafSpan[],
): Json | undefined {
  const edits: Edit[] = [];
  const renamed = new Map<JsonObjectNode, Map<number, string>>();
  let leafStart = 0;
  let first = 0;
  for (const node of nodes) {
    const leafEnd = leafStart + node.value.length;
    while (first < spans.length && isBefore(spans[first]!, leafStart)) first++;
    const own: Edit[] = [];
    for (let index = first; index < spans.length; index++) {
      const span = spans[index]!;
      if (span.start > leafEnd) break;
      const edit = toEdit(node.value, span, leafStart, own.at(-1)?.end ?? 0);
      if (edit !== undefined) own.push(edit);
    }
    if (own.length > 0) {
      edits.push(toSourceEdit(json.source, node, own));
      const object = keys.get(node);
      if (object !== undefined) {
        const names = renamed.get(object) ?? new Map<number, string>();
        renamed.set(object, names.set(node.start, applyEdits(node.value, own)));
      }
    }
    leafStart = leafEnd + separator.length;
  }
  for (const [object, names] of renamed) if (haveClash(object, names)) return undefined;
  return spliced(json, edits);
}

/** `names` are the new ones, by where the key stands. Attack: of two readers each believes another one. */
function haveClash({ members }: JsonObjectNode, names: ReadonlyMap<number, string>): boolean {
  const all = members.map(({ key, keyStart }) => names.get(keyStart) ?? key);
  return new Set(all).size < all.length;
}

/** Whether a leaf that starts here and all behind it have nothing of the span. */
function isBefore({ start, end }: LeafSpan, leafStart: number): boolean {
  return end <= leafStart && start < leafStart;
}

/** Undefined where nothing of the span lies in the leaf; `from` is where it may begin. */
function toEdit(value: string, span: LeafSpan, leafStart: number, from: number): Edit | undefined {
  const startsBefore = span.start < leafStart;
  const clippedStart = Math.max(span.start - leafStart, 0);
  const clippedEnd = Math.min(span.end - leafStart, value.length);
  // What begins on the separator itself begins with the leaf behind it.
  const isWhole = !startsBefore || span.start === leafStart - 1;
  const text = isWhole ? span.replacement.toWellFormed() : "";
  if (clippedEnd <= clippedStart) {
    const isPoint = span.start === span.end && !startsBefore && clippedStart <= value.length;
    if (!isPoint || isInside(value, clippedStart) || clippedStart < from) return undefined;
    return { start: clippedStart, end: clippedStart, text };
  }
  const start = Math.max(isInside(value, clippedStart) ? clippedStart - 1 : clippedStart, from);
  const end = isInside(value, clippedEnd) ? clippedEnd + 1 : clippedEnd;
  return end <= start ? undefined : { start, end, text };
}

/** Whether the place divides a character. */
function isInside(value: string, at: number): boolean {
  const [before, after] = [value.charCodeAt(at - 1), value.charCodeAt(at)];
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
}
