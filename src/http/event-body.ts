/** A stream of events as the body of a response. */
import type { Clock, Timer } from "../core/index.ts";

const keepAliveMs = 15_000;
const encoder = new TextEncoder();
/** A comment, which readers of event streams skip; it keeps proxies from closing a quiet stream. */
const keepAlive = encoder.encode(":\n\n");

export interface EventBodyOptions {
  readonly clock: Clock;
  /** After the last event, and after a fault. */
  readonly ended: () => void;
  /** The client has gone. */
  readonly cancelled: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Asks for an event only when the one before it has been taken. A fault ends the stream between
 * two events: what the client has is whole, and the missing answer tells it the rest.
 */
export function toEventBody(
  events: AsyncIterable<string>,
  { clock, ended, cancelled, failed }: EventBodyOptions,
): ReadableStream<Uint8Array> {
  const iterator = events[Symbol.asyncIterator]();
  let timer: Timer | undefined;
  let gone = false;
  const beatLater = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    timer = clock.after(keepAliveMs, () => {
      if ((controller.desiredSize ?? 0) > 0) controller.enqueue(keepAlive);
      beatLater(controller);
    });
  };
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    beatLater(controller);
    try {
      const next = await iterator.next();
      timer?.cancel();
      if (gone) return;
      if (next.done !== true) {
        controller.enqueue(encoder.encode(next.value));
        return;
      }
    } catch (error) {
      timer?.cancel();
      if (gone) return;
      failed(error);
    }
    ended();
    controller.close();
  };
  return new ReadableStream<Uint8Array>({
    pull,
    cancel: async () => {
      gone = true;
      timer?.cancel();
      cancelled();
      try {
        await iterator.return?.();
      } catch (error) {
        failed(error);
      }
    },
  });
}
