/** Upstreams of the old HTTP transport (2024-11-05): a session for each caller, on one event stream. */
import { type Cancellation, type Failure, failure } from "../../core/index.ts";
import { StreamFault } from "../../mcp/index.ts";
import { openChannel } from "../channel/channel.ts";
import { type ToLink, createChannelLinks } from "../channel/link.ts";
import { NOTHING } from "../channel/questions.ts";
import { type Handshaken, initialize } from "../channel/handshake.ts";
import { CONNECT_MS, type HttpContext } from "./exchange.ts";
import { toFailure } from "./post.ts";
import { type Link, type LinkCaller, isFailure, toCallerKey, toPrincipal } from "../link.ts";
import { MAX_LIST_BYTES } from "../pages.ts";
import { type Kept, createSlots } from "../slots.ts";
import { createSseOutbox } from "./sse-outbox.ts";
import { openSseStream } from "./sse-stream.ts";

/** Each holds one of the 256 connections to an origin, which the messages up need too. */
const MAX_SESSIONS = 192;
/** Of one client and subject, who has a session for each thing it says of itself. */
const MAX_OWN_SESSIONS = 16;
const IDLE_MS = 600_000;

export interface SseSessions {
  readonly connect: (caller: LinkCaller, signal: Cancellation) => Promise<Link | Failure>;
  /** Ends every session and its stream. */
  readonly close: () => Promise<void>;
}

interface Session extends Kept, Handshaken {
  readonly toLink: ToLink;
}

export function openSseSessions(context: HttpContext): SseSessions {
  const { clock, closing } = context;
  const slots = createSlots<Session>({
    clock,
    closing,
    max: MAX_SESSIONS,
    maxPerOwner: MAX_OWN_SESSIONS,
    one: "session",
    many: "sessions",
  });
  return {
    connect: async (caller, signal) => {
      const key = toCallerKey(caller);
      const start = (): Promise<Session | Failure> => open(context, caller, key);
      const place = await slots.take(key, IDLE_MS, start, signal, toPrincipal(caller));
      return isFailure(place) ? place : place.kept.toLink(caller.capabilities, place.hold);
    },
    close: slots.close,
  };
}

async function open(
  context: HttpContext,
  { capabilities }: LinkCaller,
  scope: string,
): Promise<Session | Failure> {
  const { clock, closing, endpoint, notice, onListChange, timeoutMs } = context;
  const stream = await openSseStream(context, context.maxMessageBytes ?? MAX_LIST_BYTES);
  if (isFailure(stream)) return stream;
  const channel = openChannel({
    texts: stream.texts,
    outbox: createSseOutbox(clock, { ...endpoint, url: stream.url }, stream.cancel),
    explain: async (fault) => toLost(fault),
    onRequest: () => (capabilities === NOTHING ? "refuse" : "ask"),
    isShared: false,
    notice,
    onListChange: (list) => onListChange(list, scope),
  });
  const patience = { ms: CONNECT_MS, closing };
  const shaken = await initialize(context, channel, capabilities, patience);
  if (isFailure(shaken)) {
    stream.cancel();
    return shaken;
  }
  const settings = { ...context, askMs: Math.min(timeoutMs, CONNECT_MS) };
  const toLink = createChannelLinks(settings, channel, shaken);
  const end = async (): Promise<void> => {
    stream.cancel();
    await channel.over;
  };
  return { ...shaken, toLink, over: channel.over, end };
}

/** A stream that ends is lost, whoever ended it. */
function toLost(fault: unknown): Failure {
  if (fault instanceof StreamFault) return toFailure(fault);
  return failure("UPSTREAM_UNAVAILABLE", "The event stream was lost");
}
