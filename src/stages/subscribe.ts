/** Changes of upstreams as one client may hear of them: `subscriptions/listen`, and the streams of sessions. */
import {
  type AnswerMessage,
  type AnswerStream,
  type Cancellation,
  type Canceller,
  type Clock,
  type FollowedResource,
  type Metered,
  type OneTarget,
  type SubscriptionTarget,
  type Verdict,
  answer,
  createCanceller,
  deny,
} from "../core/index.ts";
import {
  type JsonObject,
  type NotificationMessage,
  isObject,
  member,
  metaKeys,
  replace,
  reread,
  setMembers,
  splice,
  spliced,
  stringOf,
} from "../mcp/index.ts";
import type { Policy } from "../policy/index.ts";
import type { SessionState, Sessions } from "../sessions/index.ts";
import { type ListChange, type Names, type Upstreams, isPartOf } from "../upstreams/index.ts";
import { type Board, type Noted, createBoard, pump } from "./board.ts";
import type { Lists } from "./lists.ts";
import { patiently } from "./patience.ts";

export interface Subscriber {
  /** The stream of changes; ends when the client leaves or its session ends. */
  readonly listen: (exchange: Metered, target: SubscriptionTarget) => Verdict<never>;
  /** A session follows one resource, or follows it no more. */
  readonly follow: (
    exchange: Metered,
    target: OneTarget,
    starts: boolean,
  ) => Promise<Verdict<never>>;
}

export function createSubscriber(
  rooms: {
    readonly policy: Policy;
    readonly upstreams: Upstreams;
    readonly names: Names;
    readonly sessions: Sessions;
    readonly clock: Clock;
    /** Fires when the gateway closes. */
    readonly draining: Cancellation;
  },
  lists: Lists,
): Subscriber {
  const { policy, upstreams, names, sessions, clock, draining } = rooms;

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
  };

  async function* stream(exchange: Metered, target: SubscriptionTarget): AnswerStream {
    const { input, signal } = exchange;
    const own = createCanceller();
    const stop = (): void => own.abort();
    if (signal.aborted) return;
    if (draining.aborted) stop();
    for (const each of [signal, draining]) each.addEventListener("abort", stop, { once: true });
    const id = input.kind === "request" ? input.id : undefined;
    const board = createBoard(clock, own.signal);
    try {
      const told = await digests(exchange, target);
      let current = target;
      if (id === undefined) {
        await follow(exchange, target, board, own, (resources) => {
          current = { ...target, resources };
        });
      } else {
        listenTo(exchange, target, board, own.signal);
        // A change that the client makes as soon as it is told that it listens must not be missed.
        await patiently(clock, "Listening", board.settled());
        yield toAcknowledgement(target, id);
      }
      for await (const change of board.changes()) {
        const notification = await toNotification(exchange, current, change, told, id);
        if (notification !== undefined) yield notification;
      }
      if (id !== undefined) yield toEnd(id);
    } finally {
      stop();
      for (const each of [signal, draining]) each.removeEventListener("abort", stop);
    }
  }

  /**
   * A session's own stream: what it follows changes while the stream is open. A session has one; the
   * one before ends.
   */
  async function follow(
    exchange: Metered,
    target: SubscriptionTarget,
    board: Board,
    own: Canceller,
    tell: (resources: readonly FollowedResource[]) => void,
  ): Promise<void> {
    const { client, input } = exchange;
    const { session } = input.caller;
    if (session === undefined) return own.abort();
    const rounds = new Set<Canceller>();
    let known: string | undefined;
    const update = (state: SessionState | undefined): void => {
      if (state === undefined || own.signal.aborted) return own.abort();
      const text = JSON.stringify(state.resources);
      if (text === known) return;
      known = text;
      const resources = readable(exchange, target, state.resources);
      tell(resources);
      const before = [...rounds];
      const round = createCanceller();
      rounds.add(round);
      listenTo(exchange, { ...target, resources }, board, round.signal);
      // Until the new ways are open the old ones are heard: rather twice than never.
      void board.settled().then(() => before.forEach(leaveRound));
    };
    const leaveRound = (round: Canceller): void => {
      rounds.delete(round);
      round.abort();
    };
    const leave = sessions.streams.takeOver(session, own.abort);
    const unwatch = sessions.watch(session, update);
    const end = (): void => {
      leave();
      unwatch();
      rounds.forEach(leaveRound);
    };
    own.signal.addEventListener("abort", end, { once: true });
    if (own.signal.aborted) return end();
    update(await sessions.change(client, session, (state) => state));
  }

  /** What the client may read of what it follows. */
  function readable(
    { client, address }: Metered,
    { upstreams: reachable }: SubscriptionTarget,
    resources: readonly FollowedResource[],
  ): readonly FollowedResource[] {
    const subject = { client: client.name, address };
    return resources.filter(
      ({ upstream, uri }) =>
        reachable.includes(upstream) &&
        policy.decide(subject, { kind: "resource", upstream, name: uri }).allowed,
    );
  }

  function listenTo(
    { client, input }: Metered,
    target: SubscriptionTarget,
    board: Board,
    signal: Cancellation,
  ): void {
    for (const name of target.upstreams) {
      const uris = target.resources
        .filter((each) => each.upstream === name)
        .map((each) => each.uri);
      if (uris.length === 0 && target.lists.size === 0) continue;
      const changes = upstreams
        .get(name)
        ?.listen({ client, caller: input.caller }, { lists: target.lists, uris }, signal);
      if (changes !== undefined) board.expect(pump(name, changes, board));
    }
  }

  /** What each wanted list was when the client was last told of it. */
  async function digests(
    exchange: Metered,
    target: SubscriptionTarget,
  ): Promise<Map<ListChange, string | undefined>> {
    const found = await Promise.all(
      [...target.lists].map(
        async (list) => [list, await lists.digest(exchange, target.upstreams, list)] as const,
      ),
    );
    return new Map(found);
  }

  /** The change as this client hears of it; undefined where nothing changed that it can see. */
  async function toNotification(
    exchange: Metered,
    target: SubscriptionTarget,
    { upstream, change }: Noted,
    told: Map<ListChange, string | undefined>,
    id: string | undefined,
  ): Promise<NotificationMessage | undefined> {
    if (change.kind === "list") {
      const { list } = change;
      const seen = await lists.digest(exchange, target.upstreams, list);
      if (seen === undefined || seen === told.get(list)) return undefined;
      told.set(list, seen);
      const params = id === undefined ? undefined : withId(empty, id);
      return { kind: "notification", method: `notifications/${list}/list_changed`, params };
    }
    const { client, address, endpoint } = exchange;
    const { uri, params } = change;
    // A session may have left it since.
    const isFollowed = target.resources.some(
      (each) => each.upstream === upstream && isPartOf(uri, each.uri),
    );
    if (!isFollowed) return undefined;
    const subject = { client: client.name, address };
    // A server may tell of a part of what is followed, and that part may be forbidden.
    if (!policy.decide(subject, { kind: "resource", upstream, name: uri }).allowed)
      return undefined;
    const shown = endpoint.upstream === undefined ? names.showUri(upstream, uri) : uri;
    const named = member(params, "uri");
    const own = named && spliced(params, [replace(named, JSON.stringify(shown))]);
    if (!isObject(own)) return undefined;
    const tagged = id === undefined ? own : withId(own, id);
    return { kind: "notification", method: "notifications/resources/updated", params: tagged };
  }
}

/** The first word of a subscription: what of it is agreed to. */
function toAcknowledgement(target: SubscriptionTarget, id: string): NotificationMessage {
  const lists = [...target.lists].map((list) => `"${list}ListChanged":true`);
  const shown = target.resources.map((each) => each.shown);
  const resources = shown.length === 0 ? [] : [`"resourceSubscriptions":${JSON.stringify(shown)}`];
  const params = reread(`{"notifications":{${[...lists, ...resources].join(",")}}}`) as JsonObject;
  const method = "notifications/subscriptions/acknowledged";
  return { kind: "notification", method, params: withId(params, id) };
}

function toEnd(id: string): AnswerMessage {
  const result = reread('{"resultType":"complete"}') as JsonObject;
  return { kind: "result", result: withId(result, id) };
}

/** The id of the request that opened the stream stands in everything that comes on it. */
function withId(json: JsonObject, id: string): JsonObject {
  const meta = member(json, "_meta");
  const text = isObject(meta)
    ? splice(meta, setMembers(meta, { [metaKeys.subscriptionId]: id }))
    : `{"${metaKeys.subscriptionId}":${id}}`;
  return spliced(json, setMembers(json, { _meta: text })) as JsonObject;
}

async function* one(message: AnswerMessage): AnswerStream {
  yield message;
}

const empty = reread("{}") as JsonObject;
