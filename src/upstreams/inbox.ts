/** What has arrived for one call and was not fetched yet; its owner bounds what is put in. */
import type { Cancellation } from "../core/index.ts";

export interface Inbox<T> {
  readonly put: (item: T) => void;
  /** Waits for the next item; undefined as soon as `signal` fires. */
  readonly take: (signal: Cancellation) => Promise<T | undefined>;
}

export function createInbox<T>(): Inbox<T> {
  const waiting: T[] = [];
  let wake: (() => void) | undefined;
  return {
    put: (item) => {
      waiting.push(item);
      wake?.();
    },
    take: async (signal) => {
      if (waiting.length === 0 && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const stop = () => {
            signal.removeEventListener("abort", stop);
            wake = undefined;
            resolve();
          };
          wake = stop;
          signal.addEventListener("abort", stop, { once: true });
        });
      }
      return signal.aborted ? undefined : waiting.shift();
    },
  };
}
