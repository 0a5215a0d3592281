/** Bytes as lines, for a reader that goes on after a bad one (2026-07-28, stdio). */
import { StreamFault, decodeText } from "../mcp/index.ts";

export type Line =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "fault"; readonly fault: StreamFault["reason"] };

const newline = 10;

/**
 * The lines that are not blank, without their ends. One that is over `maxBytes` is let go of while
 * it arrives, and said to be too large when it has ended.
 */
export async function* toLines(
  input: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncIterable<Line> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  const keep = (piece: Uint8Array): void => {
    length += piece.length;
    if (length > maxBytes) pieces = [];
    else pieces.push(piece);
  };
  const take = (): Line | undefined => {
    const line = length > maxBytes ? tooLarge : toLine(pieces);
    pieces = [];
    length = 0;
    return line;
  };
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      keep(chunk.subarray(start, end));
      start = end + 1;
      const line = take();
      if (line !== undefined) yield line;
    }
    if (start < chunk.length) keep(chunk.subarray(start));
  }
  const last = take();
  if (last !== undefined) yield last;
}

const tooLarge: Line = { kind: "fault", fault: "too-large" };

/** Undefined where the line is blank. */
function toLine(pieces: readonly Uint8Array[]): Line | undefined {
  try {
    const text = decodeText(join(pieces)).replace(/\r$/, "");
    return text.trim() === "" ? undefined : { kind: "text", text };
  } catch (error) {
    if (error instanceof StreamFault) return { kind: "fault", fault: error.reason };
    throw error;
  }
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) return only;
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
