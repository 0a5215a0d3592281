/** Changes of upstreams as one client may hear of them: `subscriptions/listen`, and the streams of sessions. */
import {
  type AnswerMessage,
  type AnswerStream,
  type Cancellation,
  type Clock,
  type FollowedResource,
  type Metered,
  type OneTarget,
  type SubscriptionTarget,
  type Verdict,
  answer,
  createCanceller,
  deny,
  withFact,
} from "../core/index.ts";
import { member, stringOf } from "../mcp/index.ts";
import type { Sessions } from "../sessions/index.ts";
import type { MayRead } from "./may-read.ts";
import { patiently } from "./patience.ts";
import { empty, toAcknowledgement, toEnd } from "./subscription-words.ts";
import type { Watch, Watching } from "./watching.ts";

export interface Subscriber {
  /** The stream of changes; ends when the client leaves, its session ends or the gateway drains. */
  readonly listen: (exchange: Metered, target: SubscriptionTarget) => Verdict<never>;
  /** A session follows one resource, or follows it no more. */
  readonly follow: (
    exchange: Metered,
    target: OneTarget,
    starts: boolean,
  ) => Promise<Verdict<never>>;
  /** Takes a stream over from the gateway before this one; undefined where it must end. */
  readonly adopt: (exchange: Metered, before: Watching) => Promise<Adopted | undefined>;
}
export interface Adopted {
  readonly watching: Watching;
  /** What `watching` says, as it may leave. */
  readonly messages: AnswerStream;
  readonly succession: Succession;
}

/** Another gateway takes the place of this one: its streams go on there. */
export interface Succession {
  readonly signal: Cancellation;
  readonly heir: () => Subscriber | undefined;
  /** A stream is on its way there; until it has gone over, what it hears is kept open here. */
  readonly hold: (move: Promise<unknown>) => void;
}

export interface SubscribeRooms {
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** Fires when the gateway closes. */
  readonly draining: Cancellation;
  readonly succession: Succession;
  readonly watch: Watch;
  /** The road cleans a stream as the gateway does that it was opened at; one taken over needs more. */
  readonly clean: (exchange: Metered, messages: AnswerStream) => Promise<AnswerStream>;
  /** What the rules of now make of a stream that is open; undefined where its caller is no more. */
  readonly rejoin: (exchange: Metered) => Promise<Rejoined | undefined>;
}
export interface Rejoined {
  readonly exchange: Metered;
  readonly target: SubscriptionTarget;
  readonly mayRead: MayRead;
}

export function createSubscriber(rooms: SubscribeRooms): Subscriber {
  const { sessions, clock, draining, succession, watch, clean, rejoin } = rooms;

  return {
    listen: (exchange, target) => answer(stream(exchange, target)),
    follow: async (exchange, { upstream, name }, starts) => {
      const { client, input } = exchange;
      const { session } = input.caller;
      if (session === undefined || input.kind !== "request") {
        return deny("SESSION_REQUIRED", "Only a session can follow a resource");
      }
      const shown = stringOf(member(input.params, "uri")) ?? name;
      const followed: FollowedResource = { upstream, uri: name, shown };
      const state = await sessions
        .change(client, session, (old) => {
          const others = old.resources.filter(
            (each) => each.upstream !== upstream || each.uri !== name,
          );
          return { ...old, resources: starts ? [...others, followed] : others };
        })
        .catch((error: unknown) => {
          if (error instanceof RangeError) return error;
          throw error;
        });
      if (state instanceof RangeError) return deny("PARAMS_INVALID", state.message);
      if (state === undefined) return deny("SESSION_UNKNOWN", "The session has ended");
      return answer(one({ kind: "result", result: empty }));
    },
    adopt: async (exchange, before) => {
      const joined = await rejoin(exchange);
      if (joined === undefined) return undefined;
      before.narrow(joined.mayRead);
      const watching = await watch(joined.exchange, joined.target, before.told);
      await patiently(clock, "Listening", watching.settled());
      const messages = await clean(joined.exchange, watching.notifications());
      return { watching, messages, succession };
    },
  };

  async function* stream(exchange: Metered, target: SubscriptionTarget): AnswerStream {
    const { input, signal } = exchange;
    const own = createCanceller();
    const stop = (): void => own.abort();
    if (signal.aborted) return;
    if (draining.aborted) stop();
    for (const each of [signal, draining]) each.addEventListener("abort", stop, { once: true });
    const followed = withFact(exchange, { signal: own.signal });
    const id = input.kind === "request" ? input.id : undefined;
    const { session } = input.caller;
    // A session has one stream of its own; the one before ends.
    const leave =
      id === undefined && session !== undefined
        ? sessions.streams.takeOver(session, stop)
        : undefined;
    let current: Adopted | undefined;
    try {
      const watching = await watch(followed, target);
      current = { watching, messages: watching.notifications(), succession };
      if (id !== undefined) {
        // A change that the client makes as soon as it is told that it listens must not be missed.
        await patiently(clock, "Listening", watching.settled());
        yield toAcknowledgement(target, id);
      }
      while (current !== undefined) {
        const handOver = awaitHeir(followed, current, own.signal);
        try {
          yield* current.messages;
          current = await handOver.next();
        } finally {
          handOver.close();
        }
      }
      if (id !== undefined) yield toEnd(id);
    } finally {
      stop();
      leave?.();
      for (const each of [signal, draining]) each.removeEventListener("abort", stop);
    }
  }
}

/**
 * When another gateway takes the place of the one that watches, that one watches first and this one
 * ends then: rather twice than never.
 */
function awaitHeir(
  exchange: Metered,
  { watching, succession }: Adopted,
  signal: Cancellation,
): { readonly next: () => Promise<Adopted | undefined>; readonly close: () => void } {
  let adopting: Promise<Adopted | undefined> | undefined;
  const adopt = async (): Promise<Adopted | undefined> => {
    try {
      return await succession.heir()?.adopt(exchange, watching);
    } finally {
      watching.end();
    }
  };
  const move = (): void => {
    adopting ??= adopt();
    // Looked at as soon as the notifications of before have ended.
    adopting.catch(() => undefined);
    succession.hold(adopting);
  };
  if (succession.signal.aborted) move();
  else succession.signal.addEventListener("abort", move, { once: true });
  return {
    close: () => succession.signal.removeEventListener("abort", move),
    next: async () => {
      if (signal.aborted) {
        (await adopting?.catch(() => undefined))?.watching.end();
        return undefined;
      }
      return adopting;
    },
  };
}

async function* one(message: AnswerMessage): AnswerStream {
  yield message;
}
