/** Cuts a list that is too long for one answer into pages, each going on where the last one ended. */
import type { Place } from "./cursor.ts";

/** An item as one caller sees it. */
export interface ShownItem {
  readonly name: string;
  /** JSON text. */
  readonly text: string;
  /** Of the text. */
  readonly bytes: number;
}
/** What one caller sees of one upstream's list; nothing where the upstream fails. */
export interface Part {
  readonly upstream: string;
  readonly shown: readonly ShownItem[];
}
export interface PageLimits {
  readonly maxItems: number;
  /** Of the items' texts, with a comma each; an item that is larger makes a page of its own. */
  readonly maxBytes: number;
}
export interface Page {
  readonly items: readonly ShownItem[];
  /** Undefined for the last page. */
  readonly next: Place | undefined;
}

/** So many items before the end of a page may go, and the place is still found. */
const maxNames = 16;
const maxNamesLength = 2_048;

/**
 * The page that begins at `from`, or the first one. What stayed in the list, in its order, while it
 * was read stands on one page and on no other. Undefined where that cannot be promised, since
 * nothing is left of what the place was known by.
 */
export function cutPage(
  parts: readonly Part[],
  from: Place | undefined,
  limits: PageLimits,
): Page | undefined {
  const start = from === undefined ? { part: 0, item: 0 } : find(parts, from);
  if (start === undefined) return undefined;
  const items: ShownItem[] = [];
  let bytes = 0;
  let last: { part: Part; end: number } | undefined;
  for (const [index, part] of parts.slice(start.part).entries()) {
    const first = index === 0 ? start.item : 0;
    for (const [at, item] of part.shown.slice(first).entries()) {
      bytes += item.bytes + 1;
      const isFull = items.length >= limits.maxItems || bytes > limits.maxBytes;
      if (isFull && last !== undefined) return { items, next: toPlace(last.part, last.end) };
      items.push(item);
      last = { part, end: first + at + 1 };
    }
  }
  return { items, next: undefined };
}

/** The first item that was not given yet. */
function find(parts: readonly Part[], from: Place): { part: number; item: number } | undefined {
  const part = parts.findIndex(({ upstream }) => upstream === from.upstream);
  const shown = parts[part]?.shown;
  if (shown === undefined) return undefined;
  const places = new Map(shown.map(({ name }, index) => [name, index]));
  for (const name of from.last) {
    const place = places.get(name);
    if (place !== undefined) return { part, item: place + 1 };
  }
  if (from.isAll) return { part, item: 0 };
  return shown.length === 0 ? { part: part + 1, item: 0 } : undefined;
}

function toPlace({ upstream, shown }: Part, end: number): Place {
  const last: string[] = [];
  let length = 0;
  for (let at = end - 1; at >= 0 && last.length < maxNames; at--) {
    const name = shown[at]?.name ?? "";
    length += name.length;
    if (last.length > 0 && length > maxNamesLength) break;
    last.push(name);
  }
  return { upstream, last, isAll: last.length === end };
}
