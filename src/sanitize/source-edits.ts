/** Carries edits of a string's value over to the JSON text it was read from. */
import type { Edit, JsonStringNode } from "../mcp/index.ts";

/**
 * One edit from the first to the last of `edits`, which are in order. Escapes that are not touched
 * keep their spelling: `\/` stays `\/`.
 */
export function toSourceEdit(source: string, node: JsonStringNode, edits: readonly Edit[]): Edit {
  const { start, end, value } = node;
  const offset =
    end - start - 2 === value.length ? (at: number) => start + 1 + at : counter(source, start + 1);
  const first = offset(edits[0]?.start ?? 0);
  const parts: string[] = [];
  let at = first;
  for (const edit of edits) {
    const from = offset(edit.start);
    if (from > at) parts.push(source.slice(at, from));
    if (edit.text !== "") parts.push(JSON.stringify(edit.text).slice(1, -1));
    at = offset(edit.end);
  }
  return { start: first, end: at, text: parts.join("") };
}

/** Positions in a text with escapes, asked for in ascending order; one pass for all of them. */
function counter(source: string, start: number): (at: number) => number {
  let inSource = start;
  let inValue = 0;
  return (at) => {
    while (inValue < at) {
      const isEscape = source.charCodeAt(inSource) === 92;
      inSource += isEscape ? (source.charCodeAt(inSource + 1) === 117 ? 6 : 2) : 1;
      inValue++;
    }
    return inSource;
  };
}
