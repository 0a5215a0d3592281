/** One walk of a value through a schema: what it may spend, where it is, what it has found. */

export interface SchemaFault {
  /** JSON Pointer into the value. */
  readonly where: string;
  /** What is wrong, in the schema's words; it never holds the value. */
  readonly message: string;
}
/** A regular expression in linear time; `cost` is the work that one character takes, 1 if absent. */
export interface SchemaPattern {
  readonly test: (text: string) => boolean;
  readonly cost?: number;
}

/** Ends a walk that costs too much. */
export class BudgetError extends RangeError {}

/** Steps of one walk, about 100 ns each. */
const maxSteps = 300_000;
/** Characters times cost that the patterns of one walk may read: about 50 ms at worst. */
const maxPatternWork = 500_000;
/** What a test costs before its first character. */
const charactersPerTest = 8;
const maxFaults = 5;
const maxShown = 200;

export interface Walk {
  /** Throws `BudgetError` where the walk has gone on for too long. */
  readonly spend: (steps: number) => void;
  readonly matches: (pattern: SchemaPattern, text: string) => boolean;
  /** Notes a fault of the value at hand and answers false. */
  readonly fail: (message: string) => false;
  /** Runs `check` on a part of the value at hand. */
  readonly into: (key: string | number, check: () => boolean) => boolean;
  /** Runs `check` without noting faults: a branch that fails may be no fault of the whole. */
  readonly quietly: (check: () => boolean) => boolean;
  /** Whether a failed check makes the next ones useless. */
  readonly isDone: () => boolean;
  readonly faults: readonly SchemaFault[];
}

export function createWalk(): Walk {
  const faults: SchemaFault[] = [];
  const path: (string | number)[] = [];
  let steps = maxSteps;
  let patternWork = maxPatternWork;
  let quiet = 0;
  return {
    faults,
    spend: (count) => {
      steps -= count;
      if (steps < 0) throw new BudgetError("Too many steps");
    },
    matches: (pattern, text) => {
      patternWork -= (text.length + charactersPerTest) * (pattern.cost ?? 1);
      if (patternWork < 0) throw new BudgetError("Too much text for the patterns");
      return pattern.test(text);
    },
    fail: (message) => {
      if (quiet === 0 && faults.length < maxFaults) {
        faults.push({ where: toPointer(path), message: message.slice(0, maxShown) });
      }
      return false;
    },
    into: (key, check) => {
      path.push(key);
      const fits = check();
      path.pop();
      return fits;
    },
    quietly: (check) => {
      quiet++;
      const fits = check();
      quiet--;
      return fits;
    },
    isDone: () => quiet > 0 || faults.length >= maxFaults,
  };
}

function toPointer(path: readonly (string | number)[]): string {
  const tokens = path.map(
    (key) => `/${String(key).slice(0, maxShown).replaceAll("~", "~0").replaceAll("/", "~1")}`,
  );
  return tokens.join("").slice(0, maxShown);
}

/** Which parts of an object or array some subschema has looked at, for `unevaluated…`. */
export interface Seen {
  readonly keys: Set<string>;
  readonly items: Set<number>;
  /** All items before this one. */
  firstItems: number;
}

export function createSeen(): Seen {
  return { keys: new Set(), items: new Set(), firstItems: 0 };
}

export function addSeen(into: Seen, from: Seen, spend: (steps: number) => void): void {
  spend(4 * (from.keys.size + from.items.size));
  for (const key of from.keys) into.keys.add(key);
  for (const item of from.items) into.items.add(item);
  into.firstItems = Math.max(into.firstItems, from.firstItems);
}
