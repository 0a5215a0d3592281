/** Patterns in linear time: globs for names and URIs, and regular expressions that cannot blow up. */
import { RE2JS } from "re2js";

/**
 * Compiles a glob: `*` stands for any run of characters, `/` and line breaks included; every other
 * character stands for itself. The whole text must match.
 */
export function compileGlob(glob: string): (text: string) => boolean {
  const pieces = glob.split(/\*+/);
  const first = pieces[0] ?? "";
  if (pieces.length === 1) return (text) => text === first;
  const last = pieces.at(-1) ?? "";
  const between = pieces.slice(1, -1);
  return (text) => {
    // Tried before the search, so that prefix and suffix cannot share characters.
    if (text.length < first.length + last.length) return false;
    if (!text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const piece of between) {
      const found = text.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}

/** Whether some text matches both globs; takes time in the product of their lengths. */
export function globsOverlap(a: string, b: string): boolean {
  // Row i tells for each j whether the rest of `a` from i and the rest of `b` from j can meet.
  let below = new Uint8Array(b.length + 1);
  let row = new Uint8Array(b.length + 1);
  for (let i = a.length; i >= 0; i--) {
    for (let j = b.length; j >= 0; j--) {
      const atEnd = i === a.length && j === b.length;
      const skipA = a[i] === "*" && (below[j] === 1 || (j < b.length && row[j + 1] === 1));
      const skipB = b[j] === "*" && (row[j + 1] === 1 || (i < a.length && below[j] === 1));
      const same = i < a.length && a[i] === b[j] && below[j + 1] === 1;
      row[j] = atEnd || skipA || skipB || same ? 1 : 0;
    }
    [below, row] = [row, below];
  }
  return below[0] === 1;
}

export interface LinearPattern {
  /** Whether the pattern matches somewhere in `text`. Throws `PatternLimitError` for a text too long. */
  readonly test: (text: string) => boolean;
  /** Units of `maxPatternWork` that one character costs. */
  readonly cost: number;
}
/** A text too long for its pattern: neither "matches" nor "does not match" would be a safe answer. */
export class PatternLimitError extends RangeError {}

const maxSourceLength = 1024;
/** Instructions of the compiled program; 2000 of them compile in about 20 ms. */
const maxProgram = 2000;
/** Characters times cost that one test may take: about 50 ms at worst. */
export const maxPatternWork = 500_000;
/**
 * A program that keeps meeting new states costs 3 microseconds per character with 20 instructions
 * and 10 with 500; one with few states costs 0.1, the unit.
 */
const costAtLeast = 48;
/** Programs up to this size have few states. */
const smallProgram = 12;
/** So have those that read one character after the other: `^[0-9a-f]{8}-[0-9a-f]{4}$`. */
const sequence = /^\^(?:(?:\\[dDwWsS./-]|\[[^\\[\]]+\]|[\w:;,@#%&=<> -])(?:\{\d+\})?)*\$?$/;

/**
 * Compiles a regular expression in JavaScript's spelling for the RE2 engine, which never
 * backtracks. Undefined where it is wrong, too large, or needs what only backtracking can do (look
 * around, back references).
 */
export function compileLinear(source: string): LinearPattern | undefined {
  if (source.length > maxSourceLength || expandedSize(source) > maxProgram) return undefined;
  const compiled = compileRe2(source);
  if (compiled === undefined) return undefined;
  const size = compiled.programSize();
  if (size > 2 * maxProgram) return undefined;
  const hasFewStates = size <= smallProgram || sequence.test(source);
  const cost = hasFewStates ? 1 : Math.max(costAtLeast, size);
  const maxLength = Math.floor(maxPatternWork / cost);
  return {
    cost,
    test: (text) => {
      if (text.length > maxLength) {
        throw new PatternLimitError(`Cannot match more than ${maxLength} characters`);
      }
      return compiled.test(text);
    },
  };
}

function compileRe2(source: string): RE2JS | undefined {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(source));
  } catch {
    // Whatever the engine says, such a pattern cannot be used; its users say so.
    return undefined;
  }
}

/**
 * About how many characters the pattern has once its counted repetitions are written out. Known
 * before compiling: `(a{1000})` ninety times takes the compiler half a second.
 */
function expandedSize(source: string): number {
  const tokens = /\\.|\[(?:\\.|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|[^]/gsu;
  const outer: number[] = [];
  let total = 0;
  let atom = 0;
  for (const [token, min, max] of source.matchAll(tokens)) {
    if (min !== undefined) {
      const times = Math.max(Number(min), Number(max ?? 0), 1);
      total += atom * (times - 1);
      atom *= times;
    } else if (token === "(") {
      outer.push(total);
      total = 0;
      atom = 1;
    } else if (token === ")") {
      atom = total + 1;
      total = atom + (outer.pop() ?? 0);
    } else {
      atom = 1;
      total += 1;
    }
  }
  return outer.reduce((sum, size) => sum + size, total);
}
