/** One after the other for each key; different keys do not wait for each other. */
export type TakeTurn = <T>(key: string, act: () => Promise<T>) => Promise<T>;

/** Instances meet in the store; within one of them, waiting is cheaper than losing a race there. */
export function createTurns(): TakeTurn {
  /** The last one that waits or runs; no entry where there is none. */
  const last = new Map<string, Promise<unknown>>();
  return async (key, act) => {
    const before = last.get(key);
    const turn = before === undefined ? act() : before.then(act, act);
    last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (last.get(key) === turn) last.delete(key);
    }
  };
}
