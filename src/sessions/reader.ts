/** Reads what is there and waits for what comes, until it is over or nobody reads any more. */
import type { Cancellation } from "../core/index.ts";

export interface Reader {
  readonly events: AsyncIterable<string>;
  /** There may be more to find, or it may be over. */
  readonly wake: () => void;
  readonly end: () => void;
}
/** The next event, `done` where none will come, undefined where none has come yet. */
export type Find = () => IteratorResult<string> | undefined;

const over = { done: true, value: undefined } as const;

/** By hand: a generator that waits cannot be told to return before its wait is over. */
export function createReader(find: Find, signal: Cancellation): Reader {
  let isOver = false;
  let waiting: ((result: IteratorResult<string>) => void)[] = [];

  const end = (): void => {
    if (isOver) return;
    isOver = true;
    signal.removeEventListener("abort", end);
    const told = waiting;
    waiting = [];
    for (const tell of told) tell(over);
  };
  const take = (): IteratorResult<string> | undefined => {
    const found = isOver ? over : find();
    if (found?.done === true) end();
    return found;
  };

  if (signal.aborted) end();
  else signal.addEventListener("abort", end);
  return {
    events: {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          const found = take();
          return found ? Promise.resolve(found) : new Promise((tell) => waiting.push(tell));
        },
        return: () => {
          end();
          return Promise.resolve(over);
        },
      }),
    },
    wake: () => {
      while (waiting.length > 0) {
        const found = take();
        if (found === undefined) return;
        waiting.shift()?.(found);
      }
    },
    end,
  };
}
