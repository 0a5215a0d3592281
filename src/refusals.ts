/** What is refused: the client hears what to do, and the record says why. */
import type { Audit } from "./audit/index.ts";
import {
  type Clock,
  type Deny,
  type Log,
  type Reply,
  type Reviewed,
  type Understood,
  utf8Length,
  withFact,
} from "./core/index.ts";
import type { Ending, Endings } from "./endings.ts";
import { toReplyHeaders } from "./reply-headers.ts";
import {
  type Facts,
  type Outcome,
  type Road,
  type Wire,
  toProblemText,
  toReadRefusal,
  toRefusal,
  toStranger,
} from "./stages/index.ts";

export interface Refusals {
  /** Before the message was understood: a stranger, or a client that asked wrongly. */
  readonly arrival: (facts: Facts, denied: Deny, stage: string, from: number) => Promise<Reply>;
  readonly exchange: (
    facts: Understood & Partial<Reviewed>,
    denied: Deny,
    stage: string,
    ending: Ending,
  ) => Promise<Reply>;
}

export interface RefusalPorts {
  readonly road: Pick<Road, "cleanWhy">;
  readonly audit: Pick<Audit, "refused" | "reserve">;
  readonly clock: Pick<Clock, "elapsed">;
  readonly log: Log;
}

/** A refusal goes out whether or not it could be recorded: nothing was done that needs a record. */
export function createRefusals(
  { road, audit, clock, log }: RefusalPorts,
  { entryOf }: Pick<Endings, "entryOf">,
): Refusals {
  return {
    arrival: async (facts, denied, stage, from) => {
      const wasRead = stage === "read" && !denied.code.startsWith("BODY_");
      const wire = wasRead
        ? toReadRefusal(denied, denied.about, facts.id)
        : toProblemText(denied.code, facts.id);
      if (facts.client === undefined) {
        await audit.refused(toStranger(facts, denied, stage, wire.status));
      } else {
        await recordArrival(facts, denied, toOutcome(denied, stage, wire), from);
      }
      return toReply(facts, wire, wasRead, denied);
    },
    exchange: async (facts, denied, stage, ending) => {
      const { input } = facts;
      const wire = toWire(facts, denied);
      const { approval } = denied;
      const about = approval === undefined ? facts : withFact(facts, { approval });
      await ending.record(about, toOutcome(denied, stage, wire)).catch(complain);
      ending.release();
      return toReply(facts, wire, input.kind === "request" || input.kind === "response", denied);
    },
  };

  async function recordArrival(
    facts: Facts,
    { about }: Deny,
    outcome: Omit<Outcome, "ms">,
    from: number,
  ): Promise<void> {
    const ms = clock.elapsed() - from;
    const reservation = audit.reserve();
    await reservation
      ?.write({ ...entryOf(facts, { ...outcome, ms }, undefined), method: about?.method })
      .catch(complain);
    reservation?.release();
  }

  function toWire(facts: Understood, denied: Deny): Wire {
    const { input, id } = facts;
    // Of our own faults nothing is told, so nothing has to be cleaned that could fail again.
    const why = denied.code === "INTERNAL" ? "" : road.cleanWhy(facts, denied.why);
    switch (input.kind) {
      case "request":
        return toRefusal(
          { ...denied, why },
          { ...input.caller, method: input.method, id: input.id, requestId: id },
        );
      case "response":
        return toReadRefusal(denied, undefined, id);
      default:
        return toProblemText(denied.code, id);
    }
  }

  function complain(error: unknown): void {
    log.error("Cannot record a refusal", { error: String(error) });
  }
}

/** A message in answer to a message; a problem (RFC 9457) to what is none. */
function toReply(facts: Facts, wire: Wire, isMessage: boolean, { headers }: Deny): Reply {
  const type = isMessage ? "application/json" : "application/problem+json";
  return {
    status: wire.status,
    headers: { ...toReplyHeaders(facts), ...headers, "content-type": type },
    body: wire.text,
  };
}

function toOutcome(denied: Deny, stage: string, wire: Wire): Omit<Outcome, "ms"> {
  return {
    // Not refused yet: an operator may still approve it.
    decision: denied.code === "APPROVAL_REQUIRED" && denied.approval ? "asked" : "denied",
    stage,
    code: denied.recorded,
    why: denied.why,
    rules: denied.rules,
    status: wire.status,
    bytesOut: utf8Length(wire.text),
  };
}
