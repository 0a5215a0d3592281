/** A legacy session's own stream, on which a server sends what belongs to no call (2025-11-25, streamable HTTP). */
import { type Cancellation, type EgressResponse, createCanceller } from "../../core/index.ts";
import type { JsonRpcMessage } from "../../mcp/index.ts";
import { pause } from "../changes.ts";
import { type Trail, createTrail, readEventMessages, toPauseMs } from "./events.ts";
import type { HttpContext } from "./exchange.ts";
import { get, isStream } from "./post.ts";
import { isAboutUs } from "./refusal.ts";
import { isFailure } from "../link.ts";
import { within } from "../watch.ts";

/** What came in one event of a stream that stays open; the stream as a whole has no end. */
export const MAX_EVENT_BYTES = 4_194_304;
/** Some servers send their headers with the first event: the stream lives as long as its session. */
export const NO_HEADERS_LIMIT_MS = 86_400_000;
/** A call waits so long for the stream, on which it may be asked something at once. */
const OPENING_MS = 500;

export interface Standing {
  /** Opens it where it is not; the promise settles when it is answered, or after a moment. */
  readonly open: () => Promise<void> | undefined;
  /** Whether something may come on it. */
  readonly isOpen: () => boolean;
  readonly close: () => void;
}

export interface StandingSettings {
  readonly headers: Readonly<Record<string, string>>;
  readonly onMessage: (message: JsonRpcMessage) => void;
  /** The upstream does not know the session any more. */
  readonly onLost: () => void;
}

export function openStanding(context: HttpContext, settings: StandingSettings): Standing {
  const { clock, closing } = context;
  const reader = createReader(context, settings);
  let isOffered = true;
  let close: (() => void) | undefined;
  /** While nobody knows yet what the upstream says to it. */
  let opening: Promise<void> | undefined;

  async function run(signal: Cancellation, onAnswer: () => void): Promise<void> {
    const trail = createTrail();
    while (!signal.aborted && !closing.isClosed()) {
      const next = await reader(trail, signal, onAnswer);
      onAnswer();
      if (next !== "again") {
        isOffered = false;
        if (next === "lost") settings.onLost();
        return;
      }
      trail.barren++;
      await pause(clock, toPauseMs(trail), signal, closing);
    }
  }

  function start(): void {
    const own = createCanceller();
    const stop = (): void => {
      unlisten();
      own.abort();
      if (close === stop) close = undefined;
    };
    const unlisten = closing.onClose(own.abort);
    close = stop;
    const answered = new Promise<void>((resolve) => {
      void run(own.signal, resolve).finally(() => {
        stop();
        resolve();
      });
    });
    const known = within(answered, OPENING_MS, clock).then(() => {
      if (opening === known) opening = undefined;
    });
    opening = known;
  }

  return {
    open: () => {
      if (close === undefined && isOffered && !closing.isClosed()) start();
      return opening;
    },
    isOpen: () => close !== undefined,
    close: () => close?.(),
  };
}

/** One connection after the other; says what comes behind each. */
function createReader(context: HttpContext, { headers, onMessage }: StandingSettings) {
  const { endpoint, notice, takeStanding } = context;
  /** That there is such a stream here. */
  let isKnown = false;

  async function read(response: EgressResponse, trail: Trail): Promise<void> {
    const limits = { maxEventBytes: MAX_EVENT_BYTES, maxBytes: Number.POSITIVE_INFINITY };
    for await (const message of readEventMessages(response, limits, trail)) {
      if (!isFailure(message)) onMessage(message);
      else if (message.code !== "UPSTREAM_UNAVAILABLE") notice(message.why);
    }
  }

  function toNext(status: number, trail: Trail): "again" | "never" | "lost" {
    if (status >= 500 || status === 409 || (status >= 400 && !isAboutUs(status))) return "again";
    if (!isKnown || status === 405) return "never";
    if (status === 404 || trail.lastId === undefined) return "lost";
    trail.lastId = undefined;
    return "again";
  }

  return async (trail: Trail, signal: Cancellation, onAnswer: () => void) => {
    const release = takeStanding();
    if (release === undefined) {
      notice("Too many streams of an upstream are open; one more waits");
      return "again";
    }
    try {
      const response = await get(endpoint, headers, trail.lastId, signal, NO_HEADERS_LIMIT_MS);
      if (isFailure(response)) return "again";
      if (response.status !== 200 || !isStream(response)) {
        response.cancel();
        return toNext(response.status, trail);
      }
      isKnown = true;
      onAnswer();
      await read(response, trail);
      return "again";
    } finally {
      release();
    }
  };
}
