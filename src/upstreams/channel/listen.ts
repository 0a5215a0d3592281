/** What changes at a server, told over its channel in either era. */
import { type Cancellation, type Failure, createCanceller, failure } from "../../core/index.ts";
import { type NotificationMessage, at, member, textOf } from "../../mcp/index.ts";
import type { Channel, ChannelMessage } from "./channel.ts";
import {
  isOfSubscription,
  readAcknowledged,
  toListenParams,
  withoutSubscriptionId,
} from "./subscription.ts";
import { MAX_CHANGES } from "./followers.ts";
import { toChange } from "../changes.ts";
import { quote } from "../foreign.ts";
import type { HandshakeSettings, Handshaken } from "./handshake.ts";
import type { Follows } from "../follows.ts";
import { type ListenWish, isFailure } from "../link.ts";
import { Aborted, orAborted, within } from "../watch.ts";
import { toModernCall, toRequestText } from "../wire.ts";

export interface ListenSettings extends HandshakeSettings {
  /** How long the server may take to say that it knows the wish. */
  readonly askMs: number;
}

/** Who listens to what. */
export interface Listening {
  readonly wish: ListenWish;
  readonly signal: Cancellation;
  /** Keeps the channel from being idle until what is given back is called. */
  readonly hold: () => () => void;
}

type Changes = AsyncIterable<NotificationMessage>;

const silent = failure("UPSTREAM_INVALID", "The upstream tells of no changes");

/** `leave` runs once, also where nobody reads what was opened. */
function leaveOnce(signal: Cancellation, leave: () => void): () => void {
  let isOver = false;
  const once = (): void => {
    if (isOver) return;
    isOver = true;
    signal.removeEventListener("abort", once);
    leave();
  };
  signal.addEventListener("abort", once, { once: true });
  return once;
}

/** A legacy server tells of its lists unasked, and of the resources that it was asked for. */
export async function listenLegacy(
  channel: Channel,
  { facts }: Handshaken,
  follows: Follows,
  { wish, signal, hold }: Listening,
): Promise<Changes | Failure> {
  if (signal.aborted) throw new Aborted();
  const { capabilities } = facts;
  const isTold = [...wish.lists].some((list) => isTrue(capabilities, list, "listChanged"));
  const uris = isTrue(capabilities, "resources", "subscribe") ? [...new Set(wish.uris)] : [];
  const follower = channel.follow((message) => toChange(message, wish) !== undefined);
  const { reached, leave: unfollow } = follows.follow(uris);
  const release = hold();
  const leave = leaveOnce(signal, () => {
    follower.close();
    unfollow();
    release();
  });
  const count = await orAborted(reached, signal);
  if (!isTold && count === 0) {
    leave();
    return channel.isOver() ? channel.over : silent;
  }
  return (async function* () {
    try {
      for (;;) {
        const message = await follower.take(signal);
        if (message === undefined) return;
        yield message;
      }
    } finally {
      leave();
    }
  })();
}

function isTrue(capabilities: Handshaken["facts"]["capabilities"], ...path: string[]): boolean {
  return at(capabilities, ...path)?.node.type === "true";
}

/** A modern server is sent a request that stays open, and tells under its id. */
export async function listenModern(
  settings: ListenSettings,
  channel: Channel,
  capabilities: string,
  { wish, signal, hold }: Listening,
): Promise<Changes | Failure> {
  if (signal.aborted) throw new Aborted();
  const { clientInfo, nextId, askMs, clock } = settings;
  const id = nextId();
  const bare = { progressToken: undefined, logLevel: undefined };
  const params = toModernCall({ ...bare, capabilities, params: toListenParams(wish) }, clientInfo);
  const call = {
    id,
    text: toRequestText(id, "subscriptions/listen", params),
    maxBytes: MAX_CHANGES,
    role: "listen",
    claims: (message: NotificationMessage) => isOfSubscription(message, id) || isEnd(message, id),
    cancellable: true,
  } as const;
  const own = createCanceller();
  const messages = channel.exchange(call, own.signal);
  const release = hold();
  const leave = leaveOnce(signal, () => {
    own.abort();
    void messages.return(undefined);
    release();
  });
  const first = await within(messages.next(), askMs, clock);
  if (signal.aborted) throw new Aborted();
  const opened = first === undefined ? unheard(askMs) : toOpened(first.value, id);
  if (opened !== undefined && isFailure(opened)) {
    leave();
    return opened;
  }
  return (async function* () {
    try {
      if (opened !== undefined) yield opened;
      for (;;) {
        const { value: message, done } = await messages.next();
        if (done === true || message.kind !== "notification" || isEnd(message, id)) return;
        yield withoutSubscriptionId(message);
      }
    } finally {
      leave();
    }
  })();
}

function unheard(ms: number): Failure {
  return failure("UPSTREAM_TIMEOUT", `"subscriptions/listen" was not answered in ${ms} ms`);
}

/** Why it did not begin, or a change that came before the acknowledgement; undefined for that. */
function toOpened(
  first: ChannelMessage | void,
  id: number,
): NotificationMessage | Failure | undefined {
  if (first === undefined || first.kind === "result" || first.kind === "question") {
    return failure("UPSTREAM_UNAVAILABLE", "The subscription ended before it began");
  }
  if (first.kind === "failure") return first;
  if (first.kind === "error") {
    const why = `"subscriptions/listen" was refused: ${first.code} ${quote(first.message)}`;
    return failure("UPSTREAM_INVALID", why);
  }
  if (isEnd(first, id)) return failure("UPSTREAM_UNAVAILABLE", "The subscription was cancelled");
  const isGranted = readAcknowledged(first);
  if (isGranted === undefined) return withoutSubscriptionId(first);
  return isGranted ? undefined : silent;
}

/** The server ends a subscription as a client would. */
function isEnd({ method, params }: NotificationMessage, id: number): boolean {
  const request = method === "notifications/cancelled" ? member(params, "requestId") : undefined;
  return request !== undefined && textOf(request) === String(id);
}
