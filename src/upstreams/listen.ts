/** Follows what changes at one upstream, and opens the way again where it is lost. */
import type { Cancellation, Clock } from "../core/index.ts";
import { everything, pause, toChange } from "./changes.ts";
import type { Closing } from "./closing.ts";
import { type Dial, givenUp } from "./dial.ts";
import type { UpstreamChange } from "./face.ts";
import { type ListChange, type ListenWish, type UpstreamCaller, isFailure } from "./link.ts";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

export interface ListenPorts {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly closing: Closing;
  /** From here on changes of these lists are heard of; gives back how to stop. */
  readonly hear: (lists: ReadonlySet<ListChange>) => () => void;
}

export async function* listen(
  { dial, clock, closing, hear }: ListenPorts,
  caller: UpstreamCaller,
  wish: ListenWish,
  signal: Cancellation,
): AsyncGenerator<UpstreamChange> {
  let pauseMs = FIRST_PAUSE_MS;
  /** Since the caller began to listen; before that it knew how each resource was. */
  let wasAway = false;
  while (!signal.aborted && !closing.isClosed()) {
    const link = await dial.connect(dial.toLinkCaller(caller), signal);
    const events = isFailure(link) ? link : await givenUp(link.listen(wish, signal));
    // A server that cannot be listened to stays so; one that is away comes back.
    if (isFailure(events) && events.code === "UPSTREAM_INVALID") return;
    yield { kind: "way", isOpen: !isFailure(events) };
    if (!isFailure(events)) {
      pauseMs = FIRST_PAUSE_MS;
      const deafen = hear(wish.lists);
      try {
        // What happened before the way was open was not heard of.
        yield* everything(wasAway ? wish : { ...wish, uris: [] });
        for await (const event of events) {
          const change = toChange(event, wish);
          if (change !== undefined) yield change;
        }
      } finally {
        deafen();
      }
    }
    wasAway = true;
    await pause(clock, pauseMs, signal, closing);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}
