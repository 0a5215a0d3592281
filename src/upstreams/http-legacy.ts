/** A legacy upstream over HTTP: one session per client, opened when needed and renewed when lost. */
import { type Cancellation, type Failure, failure } from "../core/index.ts";
import { type RequestMessage, latestLegacy } from "../mcp/index.ts";
import { readInitialized } from "./facts.ts";
import {
  type HttpContext,
  type HttpEnd,
  type HttpMessage,
  type Posted,
  exchange,
} from "./http-exchange.ts";
import { type Refused, mergeHeaders, post, toEnd } from "./http-post.ts";
import {
  type Link,
  type LinkAnswer,
  type LinkCall,
  type ServerFacts,
  type UpstreamCaller,
  isAlone,
  isFailure,
  toCallerKey,
} from "./link.ts";
import { openWatch, orAborted } from "./watch.ts";
import {
  toCancelText,
  toInitializeText,
  toLegacyCall,
  toNotificationText,
  toRefusalText,
  toRequestText,
} from "./wire.ts";

const MAX_SESSIONS = 256;
/** Answers to an upstream's own requests that may be on their way at once. */
const MAX_REPLIES = 16;
/** For what is sent without a wait for its answer. */
const ASIDE_MS = 2_000;
const HANDSHAKE_BYTES = 1_048_576;
export const CONNECT_MS = 10_000;

interface Session {
  readonly id: string | undefined;
  readonly revision: string;
  readonly facts: ServerFacts;
}

export interface LegacySessions {
  readonly connect: (caller: UpstreamCaller, signal: Cancellation) => Promise<Link | Failure>;
  /** Tells the upstream that every session has ended. */
  readonly close: () => Promise<void>;
}

export function openLegacySessions(context: HttpContext): LegacySessions {
  const sessions = new Map<string, Promise<Session | Failure>>();
  const aside = new Set<Promise<void>>();
  const { endpoint, clock } = context;

  async function open(key: string): Promise<Session | Failure> {
    const opened = await initialize(context, key);
    if (isFailure(opened)) {
      sessions.delete(key);
      return opened;
    }
    await sendAside(opened, toNotificationText("notifications/initialized"));
    return opened;
  }

  function find(key: string): Promise<Session | Failure> {
    const known = sessions.get(key);
    const found = known ?? open(key);
    // Moved to the end: the first one is the one not used for longest.
    sessions.delete(key);
    sessions.set(key, found);
    for (const [oldest, session] of sessions) {
      if (sessions.size <= MAX_SESSIONS) break;
      sessions.delete(oldest);
      void end(session);
    }
    return found;
  }

  async function renew(key: string, lost: Session): Promise<Session | Failure> {
    const known = sessions.get(key);
    if (known !== undefined && (await known) === lost && sessions.get(key) === known) {
      sessions.delete(key);
    }
    return find(key);
  }

  /** Sends what no answer is awaited for; it has a deadline of its own. */
  function sendAside(session: Session, text: string): Promise<void> {
    const run = async () => {
      const watch = openWatch(clock, { timeoutMs: ASIDE_MS, deadlineMs: ASIDE_MS });
      const response = await post(endpoint, text, toHeaders(session), watch.signal, ASIDE_MS);
      watch.close();
      if (!isFailure(response)) response.cancel();
    };
    const sent = run().finally(() => aside.delete(sent));
    aside.add(sent);
    return sent;
  }

  async function end(opened: Promise<Session | Failure>): Promise<void> {
    const session = await opened;
    if (isFailure(session) || session.id === undefined) return;
    const headers = mergeHeaders(endpoint, toHeaders(session));
    if (headers === undefined) return;
    const watch = openWatch(clock, { timeoutMs: ASIDE_MS, deadlineMs: ASIDE_MS });
    const { url, egress } = endpoint;
    const request = { url, method: "DELETE", headers, headersTimeoutMs: ASIDE_MS } as const;
    await egress.request({ ...request, signal: watch.signal }).then(
      (response) => response.cancel(),
      () => context.notice("A session could not be ended"),
    );
    watch.close();
  }

  async function exchangeLegacy(
    key: string,
    first: Session,
    call: LinkCall,
    signal: Cancellation,
  ): Promise<LinkAnswer> {
    const answer = await exchangeOnce(key, first, call, signal);
    if (!isAlone(answer) || answer.kind !== "refused") return answer;
    if (!isLost(first, answer)) return toEnd(answer);
    const session = await orAborted(renew(key, first), signal);
    if (isFailure(session)) return { kind: "stale", why: session.why };
    const second = await exchangeOnce(key, session, call, signal);
    return isAlone(second) && second.kind === "refused" ? toEnd(second) : second;
  }

  async function exchangeOnce(
    scope: string,
    session: Session,
    call: LinkCall,
    signal: Cancellation,
  ): Promise<HttpEnd | Refused | AsyncGenerator<HttpMessage>> {
    let replies = 0;
    const onRequest = ({ id, method }: RequestMessage) => {
      if (replies >= MAX_REPLIES) {
        return failure("UPSTREAM_INVALID", "The upstream sends too many requests of its own");
      }
      replies++;
      void sendAside(session, toRefusalText(id, method)).finally(() => replies--);
      return undefined;
    };
    const text = toRequestText(call.id, call.method, toLegacyCall(call));
    const { id, maxBytes } = call;
    const headers = toHeaders(session);
    const answer = await exchange(
      context,
      { id, text, headers, maxBytes, scope, onRequest },
      signal,
    );
    const cancel = () => void sendAside(session, toCancelText(id));
    if (!isAlone(answer)) return cancelledBy(cancel, answer, signal);
    if (isGivenUp(answer, signal)) cancel();
    return answer;
  }

  return {
    connect: async (caller, signal) => {
      const key = toCallerKey(caller.client);
      const session = await orAborted(find(key), signal);
      if (isFailure(session)) return session;
      return {
        era: "legacy",
        revision: session.revision,
        facts: session.facts,
        exchange: (call, signal) => exchangeLegacy(key, session, call, signal),
      };
    },
    close: async () => {
      const ends = [...sessions.values()].map(end);
      sessions.clear();
      await Promise.all([...ends, ...aside]);
    },
  };
}

function toHeaders(session: Session): Record<string, string> {
  const headers = { "mcp-protocol-version": session.revision };
  return session.id === undefined ? headers : { ...headers, "mcp-session-id": session.id };
}

/** 404 by the specification (2025-11-25, session management); many servers say 400 with -32000. */
function isLost(session: Session, { status, error }: Refused): boolean {
  if (session.id === undefined) return false;
  if (status === 404) return error === undefined || error.code !== -32601;
  return status === 400 && (error === undefined || error.code === -32000);
}

/** A call given up by its deadline is still at work up there. */
function isGivenUp(message: { readonly kind: string }, signal: Cancellation): boolean {
  return message.kind === "failure" && signal.aborted;
}

/** The messages as they are; `cancel` runs where they are left before their end. */
async function* cancelledBy(
  cancel: () => void,
  messages: AsyncIterable<HttpMessage>,
  signal: Cancellation,
): AsyncGenerator<HttpMessage> {
  let isOver = false;
  try {
    for await (const message of messages) {
      isOver = message.kind !== "notification" && !isGivenUp(message, signal);
      yield message;
    }
  } finally {
    if (!isOver) cancel();
  }
}

async function initialize(context: HttpContext, scope: string): Promise<Session | Failure> {
  const id = context.nextId();
  let sessionId: string | null = null;
  const posted: Posted = {
    id,
    text: toInitializeText(id, latestLegacy, context.clientInfo),
    headers: {},
    maxBytes: HANDSHAKE_BYTES,
    scope,
    onRequest: () => failure("UPSTREAM_INVALID", 'A request came before the end of "initialize"'),
    onHeaders: (headers) => {
      sessionId = headers.get("mcp-session-id");
    },
  };
  const answer = await askOnce(context, posted);
  if (isFailure(answer)) return answer;
  if (answer.kind === "refused" && answer.error === undefined) {
    return failure("UPSTREAM_UNAVAILABLE", `"initialize" was refused with status ${answer.status}`);
  }
  const initialized = readInitialized(answer.kind === "refused" ? answer.error! : answer);
  if (isFailure(initialized)) return initialized;
  if (sessionId !== null && !/^[\x21-\x7e]{1,1024}$/.test(sessionId)) {
    return failure("UPSTREAM_INVALID", "The session id is not visible ASCII of at most 1024 bytes");
  }
  return { id: sessionId ?? undefined, ...initialized };
}

/** The answer to one request of a handshake, under a deadline of its own. */
export async function askOnce(context: HttpContext, posted: Posted) {
  const limits = { timeoutMs: CONNECT_MS, deadlineMs: CONNECT_MS };
  const watch = openWatch(context.clock, limits, context.closing);
  try {
    const answer = await exchange(context, posted, watch.signal, CONNECT_MS);
    const end = isAlone(answer) ? answer : await lastOf(answer);
    return end.kind === "failure" ? (watch.fault() ?? end) : end;
  } finally {
    watch.close();
  }
}

async function lastOf(messages: AsyncIterable<HttpMessage>): Promise<HttpEnd> {
  for await (const message of messages) {
    if (message.kind !== "notification") return message;
  }
  return failure("UPSTREAM_INVALID", "The answer ended early");
}
