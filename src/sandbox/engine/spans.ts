/** Brings a plugin's spans into order. */
import type { TextSpan } from "../face.ts";

/**
 * Sorted, what overlaps made one, no surrogate pair cut in two; undefined where one of them is no
 * span of the text. The first of several that overlap says what stands in their place.
 */
export function toSpans(given: unknown, text: string): readonly TextSpan[] | undefined {
  if (!Array.isArray(given)) return undefined;
  const spans: TextSpan[] = [];
  for (const one of given) {
    const span = toSpan(one, text);
    if (span === undefined) return undefined;
    if (span.end > span.start || span.replacement !== "") spans.push(span);
  }
  spans.sort((a, b) => a.start - b.start || a.end - b.end);
  const merged: TextSpan[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last !== undefined && span.start < last.end)
      merged[merged.length - 1] = { ...last, end: Math.max(last.end, span.end) };
    else merged.push(span);
  }
  return merged;
}

function toSpan(given: unknown, text: string): TextSpan | undefined {
  if (!Array.isArray(given) || given.length < 2 || given.length > 3) return undefined;
  const [start, end, replacement = ""] = given as readonly unknown[];
  if (!Number.isInteger(start) || !Number.isInteger(end)) return undefined;
  const [from, to] = [start as number, end as number];
  if (from < 0 || to < from || to > text.length) return undefined;
  if (replacement !== null && typeof replacement !== "string") return undefined;
  return {
    start: cutsPair(text, from) ? from - 1 : from,
    end: cutsPair(text, to) ? to + 1 : to,
    replacement: replacement ?? "",
  };
}

function cutsPair(text: string, at: number): boolean {
  return (
    at > 0 && at < text.length && isHigh(text.charCodeAt(at - 1)) && isLow(text.charCodeAt(at))
  );
}

function isHigh(unit: number): boolean {
  return unit >= 0xd8_00 && unit <= 0xdb_ff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc_00 && unit <= 0xdf_ff;
}
