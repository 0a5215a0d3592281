/** The prefilter: long unbroken words, without which there is no token and nothing encoded. */

/** The shortest token of any format has 16 characters in a row that are of its alphabet. */
const MIN_RUN = 16;

const inRun = new Uint8Array(256);
for (const letter of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-") {
  inRun[letter.charCodeAt(0)] = 1;
}

export function isRunCode(code: number): boolean {
  return code < 256 && inRun[code] === 1;
}

/**
 * Spans of at least 16 characters of `A-Z a-z 0-9 + / _ -`, flat: start, end, start, end. Looks at
 * the last place of each window first, so that prose costs a fraction of a step per character.
 */
export function findRuns(text: string): number[] {
  const runs: number[] = [];
  const { length } = text;
  let at = 0;
  while (at + MIN_RUN <= length) {
    let back = at + MIN_RUN - 1;
    while (back >= at && isRunCode(text.charCodeAt(back))) back--;
    if (back >= at) {
      at = back + 1;
      continue;
    }
    let end = at + MIN_RUN;
    while (end < length && isRunCode(text.charCodeAt(end))) end++;
    runs.push(at, end);
    at = end + 1;
  }
  return runs;
}
