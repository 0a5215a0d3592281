/** A legacy upstream over HTTP: calls in its caller's session, and what it tells there. */
import { type Cancellation, type Failure, createCanceller } from "../../core/index.ts";
import { mergeBeside } from "./beside.ts";
import { type HttpContext, type HttpEnd, type HttpMessage, exchange, isEnd } from "./exchange.ts";
import type { Trail } from "./events.ts";
import { type Flight, createTray } from "./flights.ts";
import { listenLegacy } from "./listen-legacy.ts";
import { type Refused, toEnd } from "./refusal.ts";
import { resume } from "./resume.ts";
import type { HttpSession } from "./session.ts";
import { type HttpSessions, openHttpSessions } from "./sessions.ts";
import { NO_HEADERS_LIMIT_MS } from "./standing.ts";
import {
  type Link,
  type LinkAnswer,
  type LinkCall,
  type LinkCaller,
  type LinkMessage,
  isAlone,
  isFailure,
} from "../link.ts";
import { Aborted, orAborted } from "../watch.ts";
import { toCancelText, toLegacyCall, toRequestText } from "../wire.ts";

export interface LegacyHttp {
  readonly connect: (caller: LinkCaller, signal: Cancellation) => Promise<Link | Failure>;
  /** Tells the upstream that every session has ended. */
  readonly close: () => Promise<void>;
}

export function openLegacyHttp(context: HttpContext): LegacyHttp {
  const sessions = openHttpSessions(context);
  return {
    connect: async (caller, signal) => {
      const session = await orAborted(sessions.find(caller), signal);
      if (isFailure(session)) return session;
      const { revision, facts } = session;
      const renew = toRenew(sessions, caller);
      return {
        era: "legacy",
        revision,
        facts,
        exchange: (call, signal) => exchangeLegacy({ context, renew, call, signal }, session),
        listen: async (wish, signal) => {
          const open = session.isEnded() ? await renew(session, signal) : session;
          return isFailure(open) ? open : listenLegacy(context.closing, open, wish, signal);
        },
      };
    },
    close: sessions.close,
  };
}

/** The caller's session as it is now, where this one is over; rejects with `Aborted`. */
type Renew = (lost: HttpSession, signal: Cancellation) => Promise<HttpSession | Failure>;

function toRenew(sessions: HttpSessions, caller: LinkCaller): Renew {
  return (lost, signal) => {
    sessions.lose(lost);
    return orAborted(sessions.find(caller), signal);
  };
}

/** What every attempt at one call shares. */
interface Attempt {
  readonly context: HttpContext;
  readonly renew: Renew;
  readonly call: LinkCall;
  readonly signal: Cancellation;
}

async function exchangeLegacy(attempt: Attempt, session: HttpSession): Promise<LinkAnswer> {
  return session.isEnded() ? retryIn(attempt, session) : exchangeIn(attempt, session, true);
}

/** In a new session; what that one does not know either is refused. */
async function retryIn(attempt: Attempt, lost: HttpSession): Promise<LinkAnswer> {
  const session = await attempt.renew(lost, attempt.signal);
  if (isFailure(session)) return { kind: "stale", why: session.why };
  return exchangeIn(attempt, session, false);
}

async function exchangeIn(
  attempt: Attempt,
  session: HttpSession,
  mayRetry: boolean,
): Promise<LinkAnswer> {
  const { call, signal } = attempt;
  const ready = session.prepare(call.logLevel);
  if (ready !== undefined) {
    const release = session.hold();
    await orAborted(ready, signal).finally(release);
  }
  if (session.isStanding()) return exchangeBeside(attempt, session, mayRetry);
  const answer = await exchangeOnce(attempt, session, session.enter(call), signal);
  if (!isAlone(answer) || answer.kind !== "refused") return answer;
  return mayRetry && session.isLostBy(answer) ? retryIn(attempt, session) : toEnd(answer);
}

/** What comes for the call on the session's own stream is given among its other messages. */
async function* exchangeBeside(
  attempt: Attempt,
  session: HttpSession,
  mayRetry: boolean,
): AsyncGenerator<LinkMessage> {
  const { call, signal } = attempt;
  const tray = createTray(call.maxBytes);
  const flight = session.enter(call, tray);
  const own = createCanceller();
  signal.addEventListener("abort", own.abort, { once: true });
  if (signal.aborted) own.abort();
  let refused: Refused | undefined;
  try {
    // A question beside it may come before its headers, and be answered late.
    const answer = exchangeOnce(attempt, session, flight, own.signal, NO_HEADERS_LIMIT_MS);
    refused = yield* mergeBeside(answer, tray, own.abort);
  } finally {
    signal.removeEventListener("abort", own.abort);
    flight.leave();
  }
  if (refused === undefined) return;
  if (!mayRetry || !session.isLostBy(refused)) {
    yield toEnd(refused);
    return;
  }
  const again = await retryIn(attempt, session).catch(ignoreAborted);
  if (again === undefined) return;
  if (isAlone(again)) yield again;
  else yield* again;
}

async function exchangeOnce(
  { context, call }: Attempt,
  session: HttpSession,
  flight: Flight,
  signal: Cancellation,
  headersTimeoutMs = call.timeoutMs ?? context.timeoutMs,
): Promise<HttpEnd | Refused | AsyncGenerator<HttpMessage>> {
  const { id, maxBytes } = call;
  const posted = {
    id,
    text: toRequestText(id, call.method, toLegacyCall(call)),
    headers: session.headers,
    maxBytes,
    scope: session.key,
    onRequest: flight.questions.meet,
    onNotification: session.tell,
    resume: (trail: Trail) => resume(context, session.headers, trail, signal),
  };
  const answer = await exchange(context, posted, signal, headersTimeoutMs);
  const cancel = (): void => void session.send(toCancelText(id));
  if (!isAlone(answer)) return cancelledBy(cancel, answer, signal, flight.leave);
  flight.leave();
  if (isGivenUp(answer, signal)) cancel();
  return answer;
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
  leave: () => void,
): AsyncGenerator<HttpMessage> {
  let isOver = false;
  try {
    for await (const message of messages) {
      isOver = isEnd(message) && !isGivenUp(message, signal);
      yield message;
    }
  } finally {
    leave();
    if (!isOver) cancel();
  }
}

function ignoreAborted(error: unknown): undefined {
  if (!(error instanceof Aborted)) throw error;
}
