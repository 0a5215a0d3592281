/** Links over one channel: calls in the shape of its era, and what is asked once for all of them. */
import type { Cancellation } from "../../core/index.ts";
import {
  type NotificationMessage,
  at,
  isObject,
  member,
  methods,
  textOf,
} from "../../mcp/index.ts";
import type { Channel, ChannelCall } from "./channel.ts";
import { type ListenSettings, listenLegacy, listenModern } from "./listen.ts";
import type { Closing } from "../closing.ts";
import { type Handshaken, ask } from "./handshake.ts";
import { createFollows } from "../follows.ts";
import { createLogLevel } from "../log-level.ts";
import type { Link, LinkCall, LinkMessage } from "../link.ts";
import { toLegacyCall, toModernCall, toRequestText } from "../wire.ts";

export interface ChannelLinkSettings extends ListenSettings {
  readonly closing: Closing;
}

/** `hold` keeps the channel from being idle. */
export type ToLink = (capabilities: string, hold: () => () => void) => Link;

export function createChannelLinks(
  settings: ChannelLinkSettings,
  channel: Channel,
  handshaken: Handshaken,
): ToLink {
  const { clientInfo, closing, askMs } = settings;
  const { era, revision, facts } = handshaken;
  const canLog = era === "legacy" && isObject(at(facts.capabilities, "logging"));
  const level = createLogLevel((wanted) => request("logging/setLevel", { level: wanted }));
  const follows = createFollows((starts, uri) =>
    request(starts ? "resources/subscribe" : "resources/unsubscribe", { uri }),
  );

  /** A request of our own; whether it had a result. */
  async function request(method: string, params: Readonly<Record<string, string>>) {
    const id = settings.nextId();
    const text = toRequestText(id, method, JSON.stringify(params));
    const asked = { id, text, cancellable: true };
    const answer = await ask(settings, channel, asked, { ms: askMs, closing });
    return answer?.kind === "result";
  }

  function toChannelCall(call: LinkCall): ChannelCall {
    const { id, method, progressToken, maxBytes } = call;
    const params = era === "modern" ? toModernCall(call, clientInfo) : toLegacyCall(call);
    return {
      id,
      text: toRequestText(id, method, params),
      maxBytes,
      role: roleOf(method),
      claims: (message) => progressToken !== undefined && isProgressOf(message, progressToken),
      cancellable: true,
    };
  }

  async function* exchange(
    call: LinkCall,
    signal: Cancellation,
    hold: () => () => void,
  ): AsyncGenerator<LinkMessage> {
    const release = hold();
    try {
      if (canLog) await level.want(call.logLevel);
      if (!signal.aborted) yield* channel.exchange(toChannelCall(call), signal);
    } finally {
      release();
    }
  }

  return (capabilities, hold) => ({
    era,
    revision,
    facts,
    exchange: async (call, signal) => exchange(call, signal, hold),
    listen: (wish, signal) =>
      era === "modern"
        ? listenModern(settings, channel, capabilities, { wish, signal, hold })
        : listenLegacy(channel, handshaken, follows, { wish, signal, hold }),
  });
}

/** Lists are loaded for the catalogue, beside whatever its caller calls. */
function roleOf(method: string): ChannelCall["role"] {
  const row = methods.get(method);
  if (row?.asks === true) return "asks";
  return row?.does.what === "list" ? "own" : "call";
}

function isProgressOf({ method, params }: NotificationMessage, token: string): boolean {
  const named = method === "notifications/progress" ? member(params, "progressToken") : undefined;
  return named !== undefined && textOf(named) === token;
}
