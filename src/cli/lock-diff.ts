/** What differs between two definitions, place by place, for a person who has to accept it. */
import { type Json, type JsonNode, canonicalText } from "../mcp/index.ts";

export interface Difference {
  /** A JSON Pointer (RFC 6901). */
  readonly pointer: string;
  /** Canonical JSON; absent where there was nothing. */
  readonly before?: string;
  /** Canonical JSON; absent where there is nothing any more. */
  readonly after?: string;
}

/** Of one tool; who finds more reads the file. */
const maxDifferences = 50;

/** The smallest places that differ: arrays item by item, so what moves along shows as changed. */
export function diffJson(before: Json, after: Json): readonly Difference[] {
  const found: Difference[] = [];
  compare(before, after, "", found);
  return found;
}

function compare(
  before: Json | undefined,
  after: Json | undefined,
  pointer: string,
  found: Difference[],
): void {
  if (found.length >= maxDifferences) return;
  const [old, next] = [before && canonicalText(before), after && canonicalText(after)];
  if (old === next) return;
  const [olds, nexts] = [partsOf(before), partsOf(after)];
  const isSameKind = before?.node.type === after?.node.type;
  if (!isSameKind || olds === undefined || nexts === undefined) {
    found.push({
      pointer,
      ...(old === undefined ? {} : { before: old }),
      ...(next === undefined ? {} : { after: next }),
    });
    return;
  }
  for (const part of new Set([...olds.keys(), ...nexts.keys()])) {
    const place = `${pointer}/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    compare(olds.get(part), nexts.get(part), place, found);
  }
}

/** Undefined for what has none. */
function partsOf(json: Json | undefined): ReadonlyMap<string, Json> | undefined {
  if (json === undefined) return undefined;
  const { source, node } = json;
  const of = (value: JsonNode): Json => ({ source, node: value });
  if (node.type === "object") {
    return new Map(node.members.map(({ key, value }) => [key, of(value)]));
  }
  if (node.type !== "array") return undefined;
  return new Map(node.items.map((item, index) => [String(index), of(item)]));
}
