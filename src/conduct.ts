/** Takes one exchange along the road and sees to its end: one record, one reply. */
import type { Audit } from "./audit/index.ts";
import {
  type Arrival,
  type Clock,
  type Log,
  type OneTarget,
  type Reply,
  type Reviewed,
  type Understood,
  deny,
  withFact,
} from "./core/index.ts";
import { createAttendance } from "./attendance.ts";
import type { Cancellations, Ticket } from "./cancellations.ts";
import { createConversation } from "./converse.ts";
import { deliver } from "./deliver.ts";
import { type Ending, createEndings } from "./endings.ts";
import { createRefusals } from "./refusals.ts";
import { toReplyHeaders } from "./reply-headers.ts";
import { createResume } from "./resume.ts";
import type { Facts, Road } from "./stages/index.ts";
import type { EventLog, Matter, Sessions } from "./sessions/index.ts";
import type { Upstreams } from "./upstreams/index.ts";

export interface Conducted {
  readonly road: Road;
  readonly sessions: Sessions;
  readonly audit: Audit;
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  readonly log: Log;
  readonly cancellations: Cancellations;
  /** The roles that a client holds, for the record. */
  readonly rolesOf: (client: string) => readonly string[];
  /** False while draining: what has begun goes on, what is new is refused. */
  readonly ready: () => boolean;
}

export interface Conductor {
  readonly handle: (arrival: Arrival) => Promise<Reply>;
  /** Settles when nothing is under way; a subscription goes on under the gateway that comes next. */
  readonly idle: () => Promise<void>;
}

export function conduct(house: Conducted): Conductor {
  const { road, sessions, audit, clock, log, cancellations } = house;
  const converse = createConversation({ road, sessions, clock });
  const attendance = createAttendance();
  const endings = createEndings(house);
  const refusals = createRefusals(house, endings);
  const resume = createResume({ sessions, refusals, log });

  return { handle, idle: attendance.idle };

  async function handle(arrival: Arrival): Promise<Reply> {
    const from = clock.elapsed();
    if (!house.ready()) {
      return refusals.arrival(arrival, deny("DRAINING", "The gateway is closing"), "admit", from);
    }
    const leave = attendance.enter();
    const walked = await road.arrive.walk(arrival);
    complain(walked, arrival.id);
    const facts: Facts = walked.exchange;
    const { verdict } = walked;
    if (verdict.verdict === "pass") return turn(verdict.out, from, leave);
    leave();
    const denied = verdict.verdict === "deny" ? verdict : deny("INTERNAL", "Nobody answers here");
    facts.quota?.release();
    return refusals.arrival(facts, denied, walked.stage, from);
  }

  async function turn(understood: Understood, from: number, leave: () => void): Promise<Reply> {
    const ticket = cancellations.open(understood);
    const reservation = audit.reserve();
    const forget = (): void => {
      ticket.close();
      leave();
    };
    const ending = endings.open(understood, reservation, forget, from);
    const exchange = withFact(understood, { signal: ticket.signal, plugins: [] });
    if (reservation === undefined) {
      log.error("The audit cannot take another record", { id: understood.id });
      return refusals.exchange(
        exchange,
        deny("AUDIT_UNAVAILABLE", "No room for a record"),
        "record",
        ending,
      );
    }
    try {
      const { input } = exchange;
      const way = { ticket, leave, ending };
      if (input.kind !== "stream" || input.after === undefined) return await walk(exchange, way);
      const open = (): Promise<Reply> => walk(exchange, way);
      return await resume({ exchange, after: input.after, ticket, ending, open });
    } catch (thrown) {
      complain({ thrown, stage: "respond" }, exchange.id);
      return refusals.exchange(exchange, deny("INTERNAL", "The exchange threw"), "respond", ending);
    }
  }

  async function walk(exchange: Understood, { ticket, leave, ending }: Way): Promise<Reply> {
    const walked = await road.turn.walk(exchange);
    complain(walked, exchange.id);
    const { verdict, stage } = walked;
    const asked = verdict.verdict === "answer" ? verdict.approval : undefined;
    const facts: Understood & Partial<Reviewed> =
      asked === undefined ? walked.exchange : withFact(walked.exchange, { approval: asked });
    if (verdict.verdict === "deny") return refusals.exchange(facts, verdict, stage, ending);
    ticket.concerns(facts.target);
    if (facts.target?.kind === "subscription") leave();
    const reviewed = verdict.verdict === "pass" ? verdict.out.reviewed : verdict.answer;
    const parts = verdict.verdict === "pass" ? verdict.out.cleaned : verdict.cleaned;
    const cleaned = await road.sanitize.run(withFact(facts, { reviewed, cleaned: parts }));
    if (cleaned.verdict !== "pass") {
      return refusals.exchange(
        facts,
        deny("INTERNAL", "The answer was not cleaned"),
        "sanitize",
        ending,
      );
    }
    cancellations.cancel(exchange);
    const own = verdict.verdict === "answer" ? verdict.headers : undefined;
    const headers =
      own === undefined ? toReplyHeaders(facts) : { ...toReplyHeaders(facts), ...own };
    const conversed = converse(exchange, cleaned.out);
    const events = toEvents(facts);
    const { block } = ticket;
    return deliver({ facts, cleaned: conversed, headers, events, ending, block, log });
  }

  /** A legacy client that lost the stream of a call may ask for what it missed. */
  function toEvents({
    input,
    target,
  }: Understood & Partial<Reviewed>): (() => EventLog) | undefined {
    const { era, session } = input.caller;
    const isLong = input.kind === "request" || input.kind === "stream";
    if (era !== "legacy" || session === undefined || !isLong) return undefined;
    const about = target?.kind === "one" ? toMatter(target) : undefined;
    return () => sessions.streams.open(session, input.kind === "stream", about);
  }

  /** A throw is our own bug: the client hears `INTERNAL`, the log what it was. */
  function complain({ thrown, stage }: { thrown?: unknown; stage: string }, id: string): void {
    if (thrown !== undefined) log.error("A stage threw", { id, stage, error: String(thrown) });
  }
}

/** Without the parameters: what is kept of a stream stays for minutes. */
function toMatter({ what, upstream, name }: OneTarget): Matter {
  return { what, upstream, name };
}

/** What goes with an exchange through its turn. */
interface Way {
  readonly ticket: Ticket;
  /** It does not keep this gateway busy any more. */
  readonly leave: () => void;
  readonly ending: Ending;
}
