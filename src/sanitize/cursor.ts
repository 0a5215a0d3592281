/** Looks ahead in a text again and again at the price of looking through it once. */

/** The first place at or after `from` that matches, or the end of the text. */
export type Cursor = (from: number) => number;

/**
 * Remembers what it found, so that asking from each place in turn is linear. Every match of
 * `pattern`, which is global, is `width` long.
 */
export function createCursor(text: string, pattern: RegExp, width = 1): Cursor {
  let since = 0;
  let found = -1;
  return (from) => {
    if (from >= since && from <= found) return found;
    since = from;
    pattern.lastIndex = from;
    found = pattern.test(text) ? pattern.lastIndex - width : text.length;
    return found;
  };
}
