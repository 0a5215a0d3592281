/** The session of a legacy client: its id goes with every request, its stream is kept open. */
import type { Clock } from "../core/index.ts";
import { member, parseJson, stringOf } from "../mcp/index.ts";
import { readAnswer } from "./answer.ts";
import type { Outlet } from "./outlet.ts";
import { readProblem } from "./refusals.ts";

export interface Session {
  /** Of each request of this session. */
  readonly headers: Readonly<Record<string, string>>;
  /** Opens its stream; a second time does nothing. */
  readonly open: () => void;
  /** Ends its stream, and tells the gateway that it is over; never rejects. */
  readonly end: () => Promise<void>;
}
export interface SessionSettings {
  readonly request: (
    method: "GET" | "DELETE",
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) => Promise<Response>;
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly maxAnswerBytes: number;
}

const firstPauseMs = 500;
const longestPauseMs = 30_000;
const endMs = 2_000;

/** `answer` is what the gateway said to `initialize`. */
export function openSession(id: string, answer: string, settings: SessionSettings): Session {
  const { request, outlet, clock, maxAnswerBytes } = settings;
  const parsed = parseJson(answer);
  const result = parsed.ok ? member(parsed.json, "result") : undefined;
  const revision = stringOf(member(result, "protocolVersion"));
  const headers = {
    "mcp-session-id": id,
    ...(revision === undefined ? {} : { "mcp-protocol-version": revision }),
  };
  const stop = new AbortController();
  let stream: Promise<void> | undefined;
  let last: string | undefined;

  async function follow(): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      const how = await listen().catch(() => "again" as const);
      if (how === "over" || stop.signal.aborted) return;
      if (how === "ended") pauseMs = firstPauseMs;
      await pause(pauseMs, clock, stop.signal);
      if (stop.signal.aborted) return;
    }
  }

  /** One stream to its end: to go on after it, to try again, or to leave it. */
  async function listen(): Promise<"ended" | "again" | "over"> {
    const after = last === undefined ? {} : { "last-event-id": last };
    const accept = { ...headers, ...after, accept: "text/event-stream" };
    const response = await request("GET", accept, stop.signal);
    const answer = await readAnswer(response, maxAnswerBytes);
    if (answer.kind !== "stream") {
      const code = answer.kind === "none" ? undefined : readProblem(answer.text)?.code;
      if (code === "EVENT_UNKNOWN") last = undefined;
      const isForLater = response.status === 429 || response.status >= 500;
      return isForLater || code === "EVENT_UNKNOWN" ? "again" : "over";
    }
    for await (const { id: eventId, data } of answer.events) {
      if (eventId !== undefined) last = eventId;
      if (data !== "") await outlet.put(data);
    }
    return "ended";
  }

  return {
    headers,
    open: () => {
      stream ??= follow();
    },
    end: async () => {
      stop.abort();
      await stream;
      const late = new AbortController();
      const timer = clock.after(endMs, () => late.abort());
      try {
        const response = await request("DELETE", headers, late.signal);
        await response.body?.cancel();
      } catch {
        // A gateway that has gone holds no session.
      } finally {
        timer.cancel();
      }
    },
  };
}

function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.after(ms, end);
    signal.addEventListener("abort", end);
  });
}
