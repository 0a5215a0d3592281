/** One after the other for each key; different keys do not wait for each other. */
export interface Turns {
  /** Settles as `act` does; a turn that fails does not stop the next one. */
  readonly take: <T>(key: string, act: () => Promise<T>) => Promise<T>;
  /** Entries in memory. */
  readonly entries: () => number;
}

export function createTurns(): Turns {
  /** The last turn that waits or runs; no entry where there is none. */
  const last = new Map<string, Promise<unknown>>();
  return {
    take: (key, act) => {
      const before = last.get(key);
      const turn = before === undefined ? act() : before.then(act, act);
      last.set(key, turn);
      const leave = (): void => {
        if (last.get(key) === turn) last.delete(key);
      };
      turn.then(leave, leave);
      return turn;
    },
    entries: () => last.size,
  };
}
