/** One request of the client: to the gateway, and all that is said to it back. */
import type { Log } from "../core/index.ts";
import {
  type ParamHeader,
  latestModern,
  member,
  stringOf,
  toRequestHeaders,
} from "../mcp/index.ts";
import { readAnswer } from "./answer.ts";
import type { Answer } from "./answer.ts";
import { createDeclared } from "./declared.ts";
import type { Flight, Flights } from "./flights.ts";
import type { Outlet } from "./outlet.ts";
import type { Spoken } from "./read-line.ts";
import {
  errorNumber,
  isAnswer,
  readProblem,
  toErrorText,
  toProblemText,
  toRefusalText,
} from "./refusals.ts";
import type { Session } from "./session.ts";

export interface AskerSettings {
  readonly post: (
    body: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) => Promise<Response>;
  readonly outlet: Outlet;
  readonly flights: Flights;
  readonly maxAnswerBytes: number;
  readonly log: Log;
  readonly session: () => Session | undefined;
  /** `initialize` was answered, with this session id. */
  readonly opened: (id: string, answer: string) => Promise<void>;
}
export interface Asker {
  /** Settles when the client has its answer; never rejects. */
  readonly ask: (text: string, request: Spoken) => Promise<void>;
  /** The headers of a message, as its era asks for them. */
  readonly headers: (said: Spoken, declared: readonly ParamHeader[]) => Record<string, string>;
}

const mismatch = -32020;

export function createAsker(settings: AskerSettings): Asker {
  const { post, outlet, flights, maxAnswerBytes, log } = settings;
  const never = new AbortController().signal;
  const declared = createDeclared((params) => {
    const text = `{"jsonrpc":"2.0","id":"tools","method":"tools/list","params":${params}}`;
    const headers = { "mcp-protocol-version": latestModern, "mcp-method": "tools/list" };
    return post(text, headers, never).then(lastOf);
  });

  function headers(
    { method, params, revision }: Spoken,
    paramHeaders: readonly ParamHeader[],
  ): Record<string, string> {
    if (revision !== undefined) {
      return sendable(toRequestHeaders({ method, params, revision, paramHeaders }));
    }
    return method === "initialize" ? {} : { ...settings.session()?.headers };
  }

  async function ask(text: string, request: Spoken): Promise<void> {
    const { id = "null", method, revision } = request;
    const era = revision === undefined ? "legacy" : "modern";
    const flight = flights.begin(id, era, method === "subscriptions/listen");
    if (flight === undefined) {
      await outlet.put(toRefusalText(id, "CONCURRENCY_EXCEEDED", era));
      return;
    }
    try {
      await answer(text, request, flight);
    } catch (error) {
      if (flight.signal.aborted) return;
      log.warn("The gateway does not answer", { method, error: whyOf(error) });
      await outlet.put(
        toErrorText(id, -32603, "The gateway does not answer", { code: "INTERNAL" }),
      );
    } finally {
      flights.end(flight);
    }
  }

  async function answer(text: string, request: Spoken, flight: Flight): Promise<void> {
    const { id, signal } = flight;
    const name =
      request.method === "tools/call" ? stringOf(member(request.params, "name")) : undefined;
    const known = name === undefined ? [] : declared.known(name);
    let response = await post(text, headers(request, known), signal);
    let found = await readAnswer(response, maxAnswerBytes);
    const { params } = request;
    if (name !== undefined && params !== undefined && !response.ok && isMismatch(found)) {
      const learned = await declared.learn(name, params);
      if (learned.length > 0) {
        response = await post(text, headers(request, learned), signal);
        found = await readAnswer(response, maxAnswerBytes);
      }
    }
    const opened = response.headers.get("mcp-session-id");
    if (request.method === "initialize" && found.kind === "message" && opened !== null) {
      await settings.opened(opened, found.text);
    }
    await tell(found, flight, async (message) => {
      if (!signal.aborted) await outlet.put(message);
    });
    if (found.kind === "none" && !signal.aborted) throw new Error(`HTTP ${response.status}, ${id}`);
  }

  async function tell(
    found: Answer,
    { id, era, signal }: Flight,
    put: (message: string) => Promise<void>,
  ): Promise<void> {
    if (found.kind === "message") return put(found.text);
    if (found.kind === "problem") {
      const problem = readProblem(found.text);
      if (problem === undefined) throw new Error("The answer is neither JSON nor a stream");
      return put(toProblemText(id, problem, era));
    }
    if (found.kind === "none") return;
    let last = "";
    for await (const { data } of found.events) {
      if (signal.aborted) return;
      if (data === "") continue;
      last = data;
      await put(data);
    }
    if (!isAnswer(last) && !signal.aborted) throw new Error("The stream broke off");
  }

  async function lastOf(response: Response): Promise<string> {
    const found = await readAnswer(response, maxAnswerBytes);
    if (found.kind === "none") return "";
    if (found.kind !== "stream") return found.text;
    let last = "";
    for await (const { data } of found.events) if (data !== "") last = data;
    return last;
  }

  return { ask, headers };
}

function isMismatch(found: Answer): boolean {
  return found.kind === "message" && errorNumber(found.text) === mismatch;
}

/** What no header can carry is left out; the gateway refuses such a message, and records it. */
function sendable(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(headers).filter(([, value]) => /^[\t -~]*$/.test(value));
  return Object.fromEntries(kept);
}

/** `fetch failed` alone says nothing; what it fails with stands in its cause. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
