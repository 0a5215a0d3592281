/** What has arrived for one reader and was not fetched yet; its owner bounds what is put in. */
import type { Cancellation } from "../../core/index.ts";

export interface Inbox<T> {
  /** Items of one `key` that wait at the same time are one item. */
  readonly put: (item: T, size?: number, key?: string) => void;
  /** Waits for the next item; undefined as soon as `signal` fires. */
  readonly take: (signal: Cancellation) => Promise<T | undefined>;
  /** The sizes of all that waits. */
  readonly size: () => number;
}

interface Waiting<T> {
  readonly item: T;
  readonly size: number;
  readonly key: string | undefined;
}

export function createInbox<T>(): Inbox<T> {
  const waiting: Waiting<T>[] = [];
  const keys = new Set<string>();
  let total = 0;
  let wake: (() => void) | undefined;

  function shift(): T | undefined {
    const first = waiting.shift();
    if (first === undefined) return undefined;
    if (first.key !== undefined) keys.delete(first.key);
    total -= first.size;
    return first.item;
  }

  return {
    put: (item, size = 0, key) => {
      if (key !== undefined && keys.has(key)) return;
      if (key !== undefined) keys.add(key);
      waiting.push({ item, size, key });
      total += size;
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
      return signal.aborted ? undefined : shift();
    },
    size: () => total,
  };
}
