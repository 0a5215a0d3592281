/** How large a value or a text may be. */
import { utf8Length } from "../core/index.ts";

/** In UTF-8. What instances share is small: a larger one holds up everybody on the connection. */
export const maxTextBytes = 1024 * 1024;

/** No UTF-16 unit is more than three bytes, so that most texts need no counting. */
export function isTooLarge(text: string): boolean {
  return text.length * 3 > maxTextBytes && utf8Length(text) > maxTextBytes;
}

/** Throws a `RangeError`: each writer bounds what it writes, and one that does not has a fault. */
export function assertFits(text: string): void {
  if (isTooLarge(text)) throw new RangeError(`A text is larger than ${maxTextBytes} bytes`);
}

/** Whole milliseconds, as Redis has them, and at least one. */
export function toWholeMs(ttlMs: number): number {
  return Math.max(1, Math.ceil(ttlMs));
}
