/** What the search of one message may cost, counted and not timed: the same message, the same answer. */

/**
 * Work for one message, in units of about a nanosecond: one is a character that is looked at once.
 * Attack: a message made to be slow to search holds up everybody's. 10 MB of prose, logs, scripts or
 * base64 take less than 70 % of it; what takes more is withheld, whatever the mode.
 */
export const MAX_WORK = 800_000_000;

/** Units for what is done per piece and not per character; measured. */
export const costs = {
  /** A value of a message, or a text by itself. */
  value: 150,
  /** A text that is decoded, and searched once more. */
  layer: 1_000,
  /** A long word that is looked at by itself. */
  run: 200,
  /** A colon or an equals sign. */
  sign: 40,
  /** A sensitive name before a sign, or the key of a member that may be one. */
  name: 300,
  /** A place where a known value may begin. */
  literal: 40,
  /** What looks like an assignment or an address with a password, until more is known. */
  candidate: 500,
  /** A stretch that reads otherwise, or is not seen. */
  stretch: 150,
  /** Something found: merged, counted and written anew. */
  finding: 400,
  /** A string that has findings. */
  place: 2_000,
  /** A key that becomes another one. */
  key: 4_000,
} as const;

export interface Budget {
  /** Throws `TooCostly` when there is nothing left. */
  readonly spend: (units: number) => void;
}

/** Caught by `withinBudget`; nobody else sees it. */
export class TooCostly extends Error {}

export function openBudget(units: number = MAX_WORK): Budget {
  let left = units;
  return {
    spend: (spent) => {
      left -= spent;
      if (left < 0) throw new TooCostly("The work for one message is used up");
    },
  };
}

/** What `work` returns, or undefined where it is too costly. */
export function withinBudget<T>(work: (budget: Budget) => T, budget = openBudget()): T | undefined {
  try {
    return work(budget);
  } catch (error) {
    if (error instanceof TooCostly) return undefined;
    throw error;
  }
}
