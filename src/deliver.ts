/** Hands an answer to the client as it comes; the record is written before the last message goes. */
import {
  type AnswerMessage,
  type Approval,
  type Block,
  type Cleaned,
  type Log,
  type Reply,
  type Understood,
  failure,
  isLast,
  utf8Length,
  withFact,
} from "./core/index.ts";
import type { Ending } from "./endings.ts";
import { type JsonObject, formatEvent, reread } from "./mcp/index.ts";
import type { EventLog } from "./sessions/index.ts";
import {
  type Facts,
  type Listener,
  type Outcome,
  type Wire,
  takesStream,
  toProblemText,
  toRefusal,
  toText,
} from "./stages/index.ts";

export interface Delivery {
  readonly facts: Facts & Understood;
  readonly cleaned: Cleaned;
  readonly headers: Readonly<Record<string, string>>;
  /** Keeps the events of a stream for a client that comes back for them; none for modern ones. */
  readonly events: (() => EventLog) | undefined;
  readonly ending: Ending;
  /** What an operator has taken it away by, while it was under way. */
  readonly block: () => Block | undefined;
  readonly log: Log;
}

type Messages = AsyncIterator<AnswerMessage>;

/** One message becomes a JSON body; more become an event stream, where the client accepts one. */
export async function deliver(delivery: Delivery): Promise<Reply> {
  const { facts, cleaned, headers, ending } = delivery;
  const { input } = facts;
  const messages = cleaned.answer[Symbol.asyncIterator]();
  const listener = toListener(facts);
  if (input.kind === "stream") return toStream(delivery, listener, messages, undefined);
  if (input.kind !== "request") return accept(delivery, messages);
  let message = await pull(messages, delivery);
  while (!isLast(message) && !takesStream(facts.headers)) message = await pull(messages, delivery);
  if (!isLast(message)) return toStream(delivery, listener, messages, message);
  const wire = await finish(delivery, listener, message, 0);
  ending.release();
  return { status: wire.status, headers, body: wire.text };
}

function toListener({ id, input }: Understood): Listener {
  const isRequest = input.kind === "request";
  return {
    era: input.caller.era,
    revision: input.caller.revision,
    method: isRequest ? input.method : "",
    id: isRequest ? input.id : "null",
    requestId: id,
  };
}

function toStream(
  delivery: Delivery,
  listener: Listener,
  messages: Messages,
  first: AnswerMessage | undefined,
): Reply {
  const { facts, headers } = delivery;
  facts.quota.becomeStream();
  const log = delivery.events?.();
  const open: Open = {
    delivery,
    listener,
    messages,
    write: (text) => log?.append(text) ?? formatEvent(text),
    close: () => log?.close(),
  };
  return { status: 200, headers, body: abandonable(open, events(open, first)) };
}

/** A notification or response is taken, and a session is ended, without a body. */
async function accept(delivery: Delivery, messages: Messages): Promise<Reply> {
  const { facts, headers, ending, log } = delivery;
  await messages.return?.();
  const status = facts.input.kind === "close" ? 204 : 202;
  try {
    await ending.record(facts, { decision: "allowed", stage: "forward", status, bytesOut: 0 });
    return { status, headers, body: undefined };
  } catch (error) {
    log.error("Cannot record", { error: String(error) });
    const wire = toProblemText("AUDIT_UNAVAILABLE", facts.id);
    const type = "application/problem+json";
    return { status: wire.status, headers: { ...headers, "content-type": type }, body: wire.text };
  } finally {
    ending.release();
  }
}

/** An answer that goes out as a stream of events. */
interface Open {
  readonly delivery: Delivery;
  readonly listener: Listener;
  readonly messages: Messages;
  /** A message as a whole event, kept for who comes back for it. */
  readonly write: (text: string) => string;
  /** No more will come. */
  readonly close: () => void;
}

/**
 * A generator that is left before its first step never reaches its end, so that is noticed here. In
 * the middle of a step `return()` waits; the exchange's signal, which the door fires, ends the step.
 */
function abandonable(
  open: Open,
  stream: AsyncGenerator<string, void, undefined>,
): AsyncIterable<string> {
  let started = false;
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        started = true;
        return stream.next();
      },
      return: async () => {
        if (!started) void leave(open, 0);
        await stream.return();
        return { done: true, value: undefined };
      },
    }),
  };
}

/** The stream's events. A consumer that stops early is a client that has gone. */
async function* events(
  open: Open,
  first: AnswerMessage | undefined,
): AsyncGenerator<string, void, undefined> {
  const { delivery, listener, messages, write } = open;
  let bytesOut = 0;
  let isOver = false;
  try {
    let message = first ?? (await pull(messages, delivery));
    while (!isLast(message)) {
      const event = write(toText(message, listener).text);
      bytesOut += utf8Length(event);
      yield event;
      message = await pull(messages, delivery);
    }
    const wire = await finish(delivery, listener, message, bytesOut);
    isOver = true;
    // A session's own stream has no answer that could end it.
    if (delivery.facts.input.kind === "request") yield write(wire.text);
  } finally {
    if (isOver) {
      open.close();
      delivery.ending.release();
    } else void leave(open, bytesOut);
  }
}

/**
 * The client left in the middle. A modern one has cancelled by that (2026-07-28, cancellation); the
 * call of a legacy one goes on to its end, since leaving means nothing there (2025-11-25, transports),
 * and what it says is kept for a while.
 */
async function leave(open: Open, bytesOut: number): Promise<void> {
  const { delivery, listener, messages, write } = open;
  const { facts, ending, cleaned, log } = delivery;
  if (facts.input.kind === "request" && facts.input.caller.era === "legacy") {
    let message = await pull(messages, delivery);
    for (; !isLast(message); message = await pull(messages, delivery)) {
      write(toText(message, listener).text);
    }
    const wire = await finish(delivery, listener, message, bytesOut);
    write(wire.text);
  } else {
    await messages.return?.();
    const outcome = { decision: "cancelled", stage: "respond", status: 200, bytesOut } as const;
    await ending
      .record(toSigned(open.delivery), {
        ...outcome,
        why: "The client left",
        redactions: cleaned.redactions,
      })
      .catch((error: unknown) => log.error("Cannot record", { error: String(error) }));
  }
  open.close();
  ending.release();
}

/** Records the exchange and puts its last message into words; withheld where it has no record. */
async function finish(
  delivery: Delivery,
  listener: Listener,
  message: AnswerMessage,
  sentBefore: number,
): Promise<Wire> {
  const { facts, cleaned, ending, log } = delivery;
  const wire = toText(message, listener);
  const signed = toSigned(delivery);
  try {
    const { approval } = signed;
    await ending.record(signed, {
      ...toEnd(message, { wasCancelled: facts.signal.aborted, block: delivery.block(), approval }),
      redactions: cleaned.redactions,
      result: message.kind === "result" ? message.result : undefined,
      status: sentBefore > 0 ? 200 : wire.status,
      bytesOut: sentBefore + utf8Length(wire.text),
    });
    return wire;
  } catch (error) {
    log.error("Cannot record, so the answer is withheld", { error: String(error) });
    return toRefusal({ code: "AUDIT_UNAVAILABLE", why: "" }, listener);
  }
}

function toEnd(
  message: AnswerMessage,
  { wasCancelled, block, approval }: Circumstances,
): Pick<Outcome, "decision" | "stage" | "code" | "why"> {
  if (block !== undefined) {
    return { decision: "denied", stage: "authorize", code: "BLOCKED", why: block.why };
  }
  if (wasCancelled) return { decision: "cancelled", stage: "forward", why: "The client cancelled" };
  // Who is asked has not said anything yet.
  const isAsked = approval !== undefined && approval.by === undefined;
  if (message.kind !== "failure") {
    return isAsked
      ? { decision: "asked", stage: "approve" }
      : { decision: "allowed", stage: "respond" };
  }
  const { code, why, refused } = message;
  if (refused !== undefined) return { decision: "denied", stage: refused.stage, code, why };
  const isOurs = code === "RESPONSE_WITHHELD" || code === "RESPONSE_TOO_LARGE";
  return {
    decision: isOurs ? "denied" : "failed",
    stage: isOurs ? "sanitize" : "forward",
    code,
    why,
  };
}

interface Circumstances {
  readonly wasCancelled: boolean;
  readonly block: Block | undefined;
  readonly approval: Approval | undefined;
}

/** The facts of the first round, with what a person said in the last one that asked. */
function toSigned({ facts, cleaned }: Delivery): Facts & Understood {
  return cleaned.signed === undefined
    ? facts
    : withFact(facts, { approval: cleaned.signed.approval });
}

async function pull(messages: Messages, { facts, block, log }: Delivery): Promise<AnswerMessage> {
  try {
    const next = await messages.next();
    if (block() !== undefined) {
      messages.return?.().catch((error: unknown) => complain(error, log));
      return taken;
    }
    if (next.done) return facts.input.kind === "stream" ? over : endless;
    // What stands behind the last message (deadlines, connections) is let go of at once.
    if (isLast(next.value)) messages.return?.().catch((error: unknown) => complain(error, log));
    return next.value;
  } catch (error) {
    complain(error, log);
    return failure("INTERNAL", "The answer broke");
  }
}

/** As if it had never been there. */
const taken = failure("TARGET_UNKNOWN", "An operator has blocked it");
const endless = failure("UPSTREAM_INVALID", "The answer had no end");
/** A session's own stream ends without a word. */
const over: AnswerMessage = { kind: "result", result: reread("{}") as JsonObject };

function complain(error: unknown, log: Log): void {
  log.error("An answer broke", { error: String(error) });
}
