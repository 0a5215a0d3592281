/** Goes on with a stream that a legacy client lost: it gets what it missed. */
import { type Deny, type Log, type Reply, type Understood, deny } from "./core/index.ts";
import type { Ticket } from "./cancellations.ts";
import type { Ending } from "./endings.ts";
import type { Refusals } from "./refusals.ts";
import { toReplyHeaders } from "./reply-headers.ts";
import type { Sessions } from "./sessions/index.ts";

/** A client that comes back. */
export interface Comeback {
  readonly exchange: Understood;
  /** The last event that it had. */
  readonly after: string;
  readonly ticket: Ticket;
  readonly ending: Ending;
  /** Opens the session's own stream, as for a client that comes for the first time. */
  readonly open: () => Promise<Reply>;
}

export interface ResumePorts {
  readonly sessions: Pick<Sessions, "streams">;
  readonly refusals: Pick<Refusals, "exchange">;
  readonly log: Log;
}

export function createResume({
  sessions: { streams },
  refusals,
  log,
}: ResumePorts): (back: Comeback) => Promise<Reply> {
  return (back) => {
    const { session = "" } = back.exchange.input.caller;
    return streams.isOwn(session, back.after) ? goOn(back, session) : repeat(back, session);
  };

  /** What is sent was cleaned and recorded the first time, and has not been taken away since. */
  async function repeat(
    { exchange, after, ticket, ending }: Comeback,
    session: string,
  ): Promise<Reply> {
    ticket.repeats(streams.about(session, after));
    const block = ticket.block();
    if (block !== undefined) {
      const taken = deny("EVENT_UNKNOWN", block.why, { recorded: "BLOCKED" });
      return refusals.exchange(exchange, taken, "authorize", ending);
    }
    const events = streams.resume(session, after, exchange.signal);
    if (events === undefined) return refusals.exchange(exchange, unknown, "route", ending);
    const outcome = { decision: "allowed", stage: "respond", status: 200, bytesOut: 0 } as const;
    try {
      await ending.record(exchange, outcome);
    } catch (error) {
      log.error("Cannot record, so the stream is withheld", { error: String(error) });
      await events[Symbol.asyncIterator]().return?.();
      return refusals.exchange(exchange, deny("AUDIT_UNAVAILABLE", "No record"), "record", ending);
    }
    exchange.quota.becomeStream();
    return { status: 200, headers: toReplyHeaders(exchange), body: released(events, ending) };
  }

  /** A session's own stream has no end: what was missed goes before what is still to come. */
  async function goOn(
    { exchange, after, ending, open }: Comeback,
    session: string,
  ): Promise<Reply> {
    const missed = streams.resume(session, after, exchange.signal);
    if (missed === undefined) return refusals.exchange(exchange, unknown, "route", ending);
    // The stream that broke may not know it yet, and would be waited for.
    streams.takeOver(session, () => undefined)();
    const reply = await open();
    const { body } = reply;
    return body === undefined || typeof body === "string"
      ? reply
      : { ...reply, body: chained(missed, body) };
  }
}

const unknown: Deny = deny("EVENT_UNKNOWN", "No such event is kept");

async function* chained(
  missed: AsyncIterable<string>,
  body: AsyncIterable<string>,
): AsyncIterable<string> {
  const going = body[Symbol.asyncIterator]();
  try {
    yield* missed;
    for (let next = await going.next(); next.done !== true; next = await going.next()) {
      yield next.value;
    }
  } finally {
    await going.return?.();
  }
}

async function* released(events: AsyncIterable<string>, ending: Ending): AsyncIterable<string> {
  try {
    yield* events;
  } finally {
    ending.release();
  }
}
