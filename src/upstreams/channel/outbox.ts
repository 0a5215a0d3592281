/** What waits to be sent to one server; what waits is bounded, and can still be taken back. */
import type { Failure } from "../../core/index.ts";

/** Characters that may wait behind the text that the pipe is taking. */
export const MAX_WAITING = 16 * 1024 * 1024;

export interface Letter {
  /**
   * Settles when the server has it, it was taken back, or nobody reads any more; with a failure
   * where the server refused it and the way to the server is open all the same.
   */
  readonly over: Promise<Failure | undefined>;
  /** True where nothing of it was written, and nothing will be. */
  readonly takeBack: () => boolean;
}

export interface Outbox {
  /** Undefined where too much waits already: the server does not read. */
  readonly post: (text: string) => Letter | undefined;
  /** Drops all that waits and whatever comes. */
  readonly close: () => void;
}

interface Waiting {
  readonly text: string;
  readonly settle: () => void;
}

/** One text at a time is in the pipe: what was handed over to it could not be taken back. */
export function createOutbox(write: (text: string) => Promise<void>, onFault: () => void): Outbox {
  const queue = new Set<Waiting>();
  let length = 0;
  let isWriting = false;
  let isClosed = false;

  function take(waiting: Waiting): boolean {
    if (!queue.delete(waiting)) return false;
    length -= waiting.text.length;
    return true;
  }

  async function run(): Promise<void> {
    isWriting = true;
    for (const waiting of queue) {
      take(waiting);
      await write(waiting.text).catch(onFault);
      waiting.settle();
    }
    isWriting = false;
  }

  return {
    post: (text) => {
      if (length > 0 && length + text.length > MAX_WAITING) return undefined;
      let settle = () => {};
      const over = new Promise<undefined>((resolve) => {
        settle = () => resolve(undefined);
      });
      const waiting: Waiting = { text, settle };
      if (isClosed) {
        settle();
        return { over, takeBack: () => true };
      }
      queue.add(waiting);
      length += text.length;
      if (!isWriting) void run();
      return {
        over,
        takeBack: () => {
          const isTaken = take(waiting);
          if (isTaken) settle();
          return isTaken;
        },
      };
    },
    close: () => {
      isClosed = true;
      for (const waiting of queue) {
        take(waiting);
        waiting.settle();
      }
    },
  };
}
