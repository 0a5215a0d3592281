/** Follows what changes at one upstream, and opens the way again where it is lost. */
import { type Cancellation, type Clock, createCanceller } from "../core/index.ts";
import { everything, pause, toChange } from "./changes.ts";
import type { Closing } from "./closing.ts";
import { type Dial, givenUp } from "./dial.ts";
import type { Ear, Ears } from "./ears.ts";
import type { UpstreamChange } from "./face.ts";
import {
  type Link,
  type ListChange,
  type ListenWish,
  type UpstreamCaller,
  isFailure,
} from "./link.ts";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** The longest that a timer can wait. */
const FOREVER_MS = 2 ** 31 - 1;

type Events = Exclude<Awaited<ReturnType<Link["listen"]>>, { readonly kind: "failure" }>;

export interface ListenPorts {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly closing: Closing;
  /** From here on changes of these lists are heard of; gives back how to stop. */
  readonly hear: (lists: ReadonlySet<ListChange>) => () => void;
  readonly ears: Ears;
}

export async function* listen(
  { dial, clock, closing, hear, ears }: ListenPorts,
  caller: UpstreamCaller,
  wish: ListenWish,
  signal: Cancellation,
): AsyncGenerator<UpstreamChange> {
  let pauseMs = FIRST_PAUSE_MS;
  /** Since the caller began to listen; before that it knew how each resource was. */
  let wasAway = false;
  /** Fires also where the caller breaks off, while something is waited for on its behalf. */
  const own = createCanceller();
  signal.addEventListener("abort", own.abort, { once: true });
  if (signal.aborted) own.abort();
  const ear = ears.open(wish.lists);
  const silence = async (ms: number): Promise<IteratorReturnResult<undefined>> => {
    await pause(clock, ms, own.signal, closing);
    return { done: true, value: undefined };
  };
  try {
    while (!own.signal.aborted && !closing.isClosed()) {
      const link = await dial.connect(dial.toLinkCaller(caller), own.signal);
      const events = isFailure(link) ? link : await givenUp(link.listen(wish, own.signal));
      // A server that cannot be listened to stays so; one that is away comes back.
      const isMute = isFailure(events) && events.code === "UPSTREAM_INVALID";
      if (isMute && wish.lists.size === 0) return;
      yield { kind: "way", isOpen: !isFailure(events) };
      if (!isFailure(events)) {
        pauseMs = FIRST_PAUSE_MS;
        const deafen = hear(wish.lists);
        try {
          // What happened before the way was open was not heard of.
          yield* everything(wasAway ? wish : { ...wish, uris: [] });
          yield* follow(events, ear, wish);
        } finally {
          deafen();
        }
      }
      wasAway = true;
      const waitMs = isMute ? FOREVER_MS : pauseMs;
      yield* ear.during<never>(() => silence(waitMs));
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  } finally {
    ear.close();
    signal.removeEventListener("abort", own.abort);
    own.abort();
  }
}

async function* follow(events: Events, ear: Ear, wish: ListenWish): AsyncGenerator<UpstreamChange> {
  const iterator = events[Symbol.asyncIterator]();
  try {
    for await (const event of ear.during(() => iterator.next())) {
      const change = event.kind === "list" ? event : toChange(event, wish);
      if (change !== undefined) yield change;
    }
  } finally {
    // It ends with the signal, and its end is waited for by nobody; a fault in it was told above.
    void iterator.return?.().catch(() => undefined);
  }
}
