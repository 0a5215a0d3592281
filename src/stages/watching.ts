/** Hears of the changes that one client may know of, under the rules of one gateway. */
import {
  type Cancellation,
  type Canceller,
  type Clock,
  type FollowedResource,
  type Metered,
  type SubscriptionTarget,
  createCanceller,
} from "../core/index.ts";
import { type NotificationMessage, isObject, member, replace, spliced } from "../mcp/index.ts";
import type { Policy } from "../policy/index.ts";
import type { SessionState, Sessions } from "../sessions/index.ts";
import { type ListChange, type Names, type Upstreams, isPartOf } from "../upstreams/index.ts";
import { type Board, type Noted, createBoard, pump } from "./board.ts";
import type { Lists } from "./lists.ts";
import type { NoteReview } from "./review-note.ts";
import { type MayRead, toMayRead } from "./may-read.ts";
import { empty, withId } from "./subscription-words.ts";

/** What each wanted list was when the client was last told of it. */
export type Told = Map<ListChange, string | undefined>;

export interface Watching {
  /** Each upstream is heard of, or is known not to be. */
  readonly settled: () => Promise<void>;
  /** Until `end`, or the exchange's end. */
  readonly notifications: () => AsyncGenerator<NotificationMessage>;
  readonly told: Told;
  /** From here on nothing is told of what this says no to. */
  readonly narrow: (mayRead: MayRead) => void;
  readonly end: () => void;
}
/** `told` is what the client knows already; else it knows everything as it is now. */
export type Watch = (
  exchange: Metered,
  target: SubscriptionTarget,
  told?: Told,
) => Promise<Watching>;

export interface WatchRooms {
  readonly policy: Policy;
  readonly upstreams: Upstreams;
  readonly names: Names;
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** What callers may see has changed without any upstream; gives back how to stop. */
  readonly onDecided: (act: () => void) => () => void;
  /** What plugins say of what an upstream tells. */
  readonly review: NoteReview["news"];
}

export function createWatch(rooms: WatchRooms, lists: Lists): Watch {
  const { policy, upstreams, names, sessions, clock, onDecided, review } = rooms;

  return async (exchange, target, known) => {
    const { input, signal } = exchange;
    const own = createCanceller();
    const board = createBoard(clock, own.signal);
    const noteLists = (): void => noteAll(target, board);
    const unlisten = onDecided(noteLists);
    const end = (): void => {
      own.abort();
      unlisten();
      signal.removeEventListener("abort", end);
    };
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    const told = known ?? (await digests(exchange, target));
    let current = target;
    let isReadable: MayRead = () => true;
    if (input.kind === "request") listenTo(exchange, target, board, own.signal);
    else {
      await follow(exchange, target, board, own, (resources) => {
        current = { ...target, resources };
      });
    }
    // What the client was told under other rules may look different under these.
    if (known !== undefined) noteLists();
    const id = input.kind === "request" ? input.id : undefined;
    return {
      settled: board.settled,
      notifications: async function* () {
        for await (const change of board.changes()) {
          const notification = await toNotification(exchange, current, change, told, id);
          const { upstream, change: what } = change;
          if (what.kind !== "list" && !isReadable(upstream, what.uri)) continue;
          if (notification !== undefined) yield notification;
        }
      },
      told,
      narrow: (mayRead) => {
        isReadable = mayRead;
      },
      end,
    };
  };

  /** A session follows now these resources and now others while its stream is open. */
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
    const unwatch = sessions.watch(session, update);
    const end = (): void => {
      unwatch();
      rounds.forEach(leaveRound);
    };
    own.signal.addEventListener("abort", end, { once: true });
    if (own.signal.aborted) return end();
    update(await sessions.state(client, session));
  }

  /** What the client may read of what it follows. */
  function readable(
    exchange: Metered,
    { upstreams: reachable }: SubscriptionTarget,
    resources: readonly FollowedResource[],
  ): readonly FollowedResource[] {
    return resources.filter(
      ({ upstream, uri }) => reachable.includes(upstream) && mayRead(exchange, upstream, uri),
    );
  }

  function mayRead(exchange: Metered, upstream: string, uri: string): boolean {
    return toMayRead(policy, exchange)(upstream, uri);
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

  async function digests(exchange: Metered, target: SubscriptionTarget): Promise<Told> {
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
    told: Told,
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
    const { uri, params } = change;
    // A session may have left it since.
    const isFollowed = target.resources.some(
      (each) => each.upstream === upstream && isPartOf(uri, each.uri),
    );
    // A server may tell of a part of what is followed, and that part may be forbidden.
    if (!isFollowed || !mayRead(exchange, upstream, uri)) return undefined;
    const method = "notifications/resources/updated";
    // Plugins are asked by the upstream's own name of it, whichever endpoint it is shown at.
    const reviewed = await review(exchange, upstream, { kind: "notification", method, params });
    const own = reviewed?.params;
    const named = member(own, "uri");
    const shown = exchange.endpoint.upstream === undefined ? names.showUri(upstream, uri) : uri;
    const renamed = own && named && spliced(own, [replace(named, JSON.stringify(shown))]);
    if (!isObject(renamed)) return undefined;
    const tagged = id === undefined ? renamed : withId(renamed, id);
    return { kind: "notification", method, params: tagged };
  }
}

/** Each list is compared with what the client was told; nothing is said of one that is the same. */
function noteAll({ lists, upstreams }: SubscriptionTarget, board: Board): void {
  // A list is the same whichever upstream is named; where none is left it is an empty one.
  const [upstream = ""] = upstreams;
  for (const list of lists) board.note({ upstream, change: { kind: "list", list } });
}
