/** A call's own answer and what comes for it on its session's stream, as one stream. */
import type { BesideMessage, Tray } from "./flights.ts";
import { type HttpEnd, type HttpMessage, isEnd } from "./exchange.ts";
import type { Refused } from "./refusal.ts";
import { isAlone } from "../link.ts";

export type HttpAnswer = HttpEnd | Refused | AsyncGenerator<HttpMessage>;

/**
 * Gives every message but a refusal of the call, which it returns. The next message of the answer is
 * fetched when the last one was taken. `giveUp` makes the answer end where the stream is left early.
 */
export async function* mergeBeside(
  answer: Promise<HttpAnswer>,
  tray: Tray,
  giveUp: () => void,
): AsyncGenerator<HttpMessage, Refused | undefined> {
  const own = flatten(answer);
  let fetched: IteratorResult<HttpMessage | Refused> | undefined;
  let fault: { readonly error: unknown } | undefined;
  let isFetching = false;
  let isOver = false;
  const fetch = async (): Promise<void> => {
    isFetching = true;
    try {
      fetched = await own.next();
    } catch (error) {
      fault = { error };
    }
    isFetching = false;
    tray.ring();
  };
  try {
    for (;;) {
      const beside: BesideMessage | undefined = tray.take();
      if (beside !== undefined) {
        yield beside;
      } else if (fetched !== undefined) {
        const { value, done } = fetched;
        fetched = undefined;
        isOver = done === true || value.kind === "refused" || isEnd(value);
        if (done === true) return undefined;
        if (value.kind === "refused") return value;
        yield value;
        if (isOver) return undefined;
      } else if (fault !== undefined) {
        throw fault.error;
      } else {
        if (!isFetching) void fetch();
        await new Promise<void>(tray.onNext);
      }
    }
  } finally {
    if (!isOver) giveUp();
    await own.return(undefined);
  }
}

async function* flatten(answer: Promise<HttpAnswer>): AsyncGenerator<HttpMessage | Refused> {
  const first = await answer;
  if (isAlone(first)) yield first;
  else yield* first;
}
