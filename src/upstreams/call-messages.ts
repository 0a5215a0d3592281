/** The messages of one call, which can be waited for a moment without losing one. */
import type { Clock } from "../core/index.ts";
import type { LinkMessage, LinkQuestion } from "./link.ts";

type Next = IteratorResult<LinkMessage, unknown>;

export interface CallMessages {
  readonly next: () => Promise<Next>;
  /** Another question that comes within so long; whatever else comes is the next message then. */
  readonly soonQuestion: (ms: number) => Promise<LinkQuestion | undefined>;
  /** Cancels the call at the upstream where it has not ended. */
  readonly leave: () => Promise<void>;
}

export function createCallMessages(
  messages: AsyncIterable<LinkMessage>,
  clock: Clock,
): CallMessages {
  const iterator = messages[Symbol.asyncIterator]();
  let pending: Promise<Next> | undefined;
  const next = (): Promise<Next> => {
    const coming = pending ?? iterator.next();
    pending = undefined;
    return coming;
  };
  return {
    next,
    soonQuestion: async (ms) => {
      const coming = (pending ??= iterator.next());
      let stop = (): void => undefined;
      const late = new Promise<undefined>((resolve) => {
        stop = clock.after(ms, () => resolve(undefined)).cancel;
      });
      const found = await Promise.race([coming, late]);
      stop();
      if (found === undefined || found.done === true) return undefined;
      if (found.value.kind !== "question") return undefined;
      pending = undefined;
      return found.value;
    },
    leave: async () => {
      // A step under way ends by the signal of its call, and is nobody's any more.
      pending?.catch(() => undefined);
      await iterator.return?.();
    },
  };
}
