/** Bytes that come in pieces, gathered under a cap. */
export interface Gatherer {
  /** False where the piece would exceed the cap; it is not taken then. */
  readonly add: (piece: Uint8Array) => boolean;
  readonly bytes: () => Uint8Array;
}

const firstCapacity = 4_096;

/**
 * Copies into one buffer that doubles: pieces of one byte each would otherwise cost a hundred times
 * what they hold. A body of a single piece is not copied.
 */
export function createGatherer(maxBytes: number): Gatherer {
  let buffer: Uint8Array | undefined;
  let isOwn = false;
  let size = 0;

  const room = (needed: number): Uint8Array => {
    if (buffer !== undefined && isOwn && buffer.length >= needed) return buffer;
    const grown = new Uint8Array(Math.max(firstCapacity, needed, 2 * (buffer?.length ?? 0)));
    if (buffer !== undefined) grown.set(buffer.subarray(0, size));
    buffer = grown;
    isOwn = true;
    return grown;
  };

  return {
    add: (piece) => {
      const next = size + piece.byteLength;
      if (next > maxBytes) return false;
      if (size === 0 && !isOwn) buffer = piece;
      else room(next).set(piece, size);
      size = next;
      return true;
    },
    bytes: () => buffer?.subarray(0, size) ?? new Uint8Array(),
  };
}
