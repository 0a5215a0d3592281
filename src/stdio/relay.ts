/** Takes each line of a client to the gateway, and what the gateway says of it back to the client. */
import type { Clock, Log } from "../core/index.ts";
import { createAsker } from "./ask.ts";
import { createFlights } from "./flights.ts";
import { type Line, toLines } from "./lines.ts";
import { createNotes } from "./notes.ts";
import { createOutlet } from "./outlet.ts";
import { cancelledId, readLine } from "./read-line.ts";
import { toErrorText, toRefusalText } from "./refusals.ts";
import { type Session, openSession } from "./session.ts";

export interface RelaySettings {
  /** The client's bytes, to be read once. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Settles when the client's pipe took the text; rejects when nobody reads it any more. */
  readonly write: (text: string) => Promise<void>;
  /** The gateway: its HTTP face, over a socket or in this process. */
  readonly send: (request: Request) => Promise<Response>;
  /** The endpoint, `http://127.0.0.1:8080/mcp`. */
  readonly url: string;
  /** Of every request, the credential among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of one line of the client. */
  readonly maxLineBytes: number;
  /** Of one message of the gateway. */
  readonly maxAnswerBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends it before the input does. */
  readonly stop: AbortSignal;
}

/** How long what is under way may take when the client has closed its side. */
const graceMs = 2_000;
const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };

/**
 * Serves one client on a pipe, of either era: each message goes to the gateway as the HTTP request
 * that says the same, so the one road is walked whichever way a client comes. Ends when the input
 * does, when nobody reads the output any more, or with `stop`.
 */
export async function relay(settings: RelaySettings): Promise<void> {
  const { clock, log, stop, maxAnswerBytes } = settings;
  const outlet = createOutlet(settings.write);
  const flights = createFlights(clock);
  let session: Session | undefined;

  const send = (
    headers: Readonly<Record<string, string>>,
    init: Pick<RequestInit, "method" | "body" | "signal">,
  ): Promise<Response> => {
    const all = { ...settings.headers, ...headers };
    return settings.send(new Request(settings.url, { ...init, headers: all }));
  };
  const post = (
    body: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response> => send({ ...json, ...headers }, { method: "POST", body, signal });
  const common = { post, outlet, maxAnswerBytes, log };
  const asker = createAsker({
    ...common,
    flights,
    session: () => session,
    opened: async (id, answer) => {
      await session?.end();
      session = openSession(id, answer, {
        request: (method, headers, signal) => send(headers, { method, signal }),
        outlet,
        clock,
        maxAnswerBytes,
      });
    },
  });
  const notes = createNotes({
    ...common,
    stop,
    headers: (said) =>
      said.kind === "notification" ? asker.headers(said, []) : (session?.headers ?? {}),
  });

  async function take(line: Line): Promise<void> {
    if (line.kind === "fault") return outlet.put(toFaultText(line.fault));
    const { text } = line;
    const said = readLine(text);
    if (said.kind === "request") {
      const answered = asker.ask(text, said);
      // What follows belongs to the session that this opens.
      if (said.method === "initialize") await answered;
      return;
    }
    const method = said.kind === "notification" ? said.method : "";
    if (said.kind === "notification" && method === "notifications/cancelled") {
      const flight = flights.find(cancelledId(said) ?? "");
      // A modern client on HTTP cancels by closing the request's stream.
      if (flight?.era === "modern") return flight.cancel();
      if (session === undefined) return;
    }
    if (method !== "notifications/initialized") return notes.post(text, said);
    await notes.send(text, said);
    session?.open();
  }

  async function readAll(): Promise<void> {
    for await (const line of toLines(settings.input, settings.maxLineBytes)) {
      if (stop.aborted) return;
      await take(line);
    }
  }

  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
  const reading = readAll().catch((error: unknown) => {
    log.error("The input cannot be read", { error: String(error) });
  });
  await Promise.race([reading, stopped, outlet.gone]);
  await Promise.race([notes.drained(), stopped, outlet.gone]);
  // Who reads no more has no use for an answer.
  void outlet.gone.then(flights.cancel);
  await flights.settle(graceMs);
  await session?.end();
}

/** A line that was never sent on. */
function toFaultText(fault: "too-large" | "not-utf8"): string {
  return fault === "too-large"
    ? toRefusalText(undefined, "BODY_TOO_LARGE", "modern")
    : toErrorText(undefined, -32700, "The message is not UTF-8", { code: "MESSAGE_MALFORMED" });
}
