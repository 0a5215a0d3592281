/** Hands an answer to the client as it comes; the record is written before the last message goes. */
import {
  type AnswerMessage,
  type Cleaned,
  type Log,
  type Reply,
  type Understood,
  failure,
  isLast,
  utf8Length,
} from "./core/index.ts";
import { type HeaderView, formatEvent } from "./mcp/index.ts";
import {
  type Facts,
  type Listener,
  type Outcome,
  type Wire,
  toRefusal,
  toText,
} from "./stages/index.ts";

/** One exchange on its way to its end. */
export interface Ending {
  /** Writes the record; rejects where it cannot be written, and the answer must be withheld. */
  readonly record: (facts: Facts, outcome: Omit<Outcome, "ms">) => Promise<void>;
  /** Gives the concurrency slot back and forgets the exchange; safe to call twice. */
  readonly release: () => void;
}

export interface Delivery {
  readonly facts: Facts & Understood;
  readonly cleaned: Cleaned;
  readonly headers: Readonly<Record<string, string>>;
  readonly ending: Ending;
  readonly log: Log;
}

type Messages = AsyncIterator<AnswerMessage>;

/** One message becomes a JSON body; more become an event stream, where the client accepts one. */
export async function deliver(delivery: Delivery): Promise<Reply> {
  const { facts, cleaned, headers, ending, log } = delivery;
  const { input } = facts;
  if (input.kind !== "request") return accept(delivery);
  const listener: Listener = {
    era: input.caller.era,
    revision: input.caller.revision,
    method: input.method,
    id: input.id,
    requestId: facts.id,
  };
  const messages = cleaned.answer[Symbol.asyncIterator]();
  let message = await pull(messages, log);
  while (!isLast(message) && !acceptsStream(facts.headers)) message = await pull(messages, log);
  if (!isLast(message)) {
    facts.quota.becomeStream();
    const body = abandonable(delivery, messages, events(delivery, listener, messages, message));
    return { status: 200, headers, body };
  }
  const wire = await finish(delivery, listener, message, 0);
  ending.release();
  return { status: wire.status, headers, body: wire.text };
}

/** A notification is taken and a session is ended without a body. */
async function accept({ facts, headers, ending, log }: Delivery): Promise<Reply> {
  const status = facts.input.kind === "close" ? 204 : 202;
  await ending
    .record(facts, { decision: "allowed", stage: "forward", status, bytesOut: 0 })
    .catch((error: unknown) => log.error("Cannot record", { error: String(error) }));
  ending.release();
  return { status, headers, body: undefined };
}

/**
 * A generator that is left before its first step never reaches its end, so that is noticed here. In
 * the middle of a step `return()` waits; the exchange's signal, which the door fires, ends the step.
 */
function abandonable(
  delivery: Delivery,
  messages: Messages,
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
        if (!started) void leave(delivery, messages, 0);
        await stream.return();
        return { done: true, value: undefined };
      },
    }),
  };
}

/** The stream's events. A consumer that stops early is a client that has gone. */
async function* events(
  delivery: Delivery,
  listener: Listener,
  messages: Messages,
  first: AnswerMessage,
): AsyncGenerator<string, void, undefined> {
  const { log } = delivery;
  let bytesOut = 0;
  let message = first;
  let isOver = false;
  try {
    while (!isLast(message)) {
      const event = formatEvent(toText(message, listener).text);
      bytesOut += utf8Length(event);
      yield event;
      message = await pull(messages, log);
    }
    const wire = await finish(delivery, listener, message, bytesOut);
    isOver = true;
    yield formatEvent(wire.text);
  } finally {
    if (isOver) delivery.ending.release();
    else void leave(delivery, messages, bytesOut);
  }
}

/**
 * The client left in the middle. A modern one has cancelled by that (2026-07-28, cancellation); the
 * call of a legacy one goes on to its end, since leaving means nothing there (2025-11-25, transports).
 */
async function leave(delivery: Delivery, messages: Messages, bytesOut: number): Promise<void> {
  const { facts, ending, log } = delivery;
  if (facts.input.caller.era === "modern") {
    await messages.return?.();
  } else {
    let message = await pull(messages, log);
    while (!isLast(message)) message = await pull(messages, log);
  }
  const outcome = { decision: "cancelled", stage: "respond", status: 200, bytesOut } as const;
  await ending
    .record(facts, { ...outcome, why: "The client left", redactions: delivery.cleaned.redactions })
    .catch((error: unknown) => log.error("Cannot record", { error: String(error) }));
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
  try {
    await ending.record(facts, {
      ...toEnd(message, facts.signal.aborted),
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
  wasCancelled: boolean,
): Pick<Outcome, "decision" | "stage" | "code" | "why"> {
  if (wasCancelled) return { decision: "cancelled", stage: "forward", why: "The client cancelled" };
  if (message.kind !== "failure") return { decision: "allowed", stage: "respond" };
  const { code, why } = message;
  const isOurs = code === "RESPONSE_WITHHELD" || code === "RESPONSE_TOO_LARGE";
  return {
    decision: isOurs ? "denied" : "failed",
    stage: isOurs ? "sanitize" : "forward",
    code,
    why,
  };
}

async function pull(messages: Messages, log: Log): Promise<AnswerMessage> {
  try {
    const next = await messages.next();
    if (next.done) return failure("UPSTREAM_INVALID", "The answer had no end");
    // What stands behind the last message (deadlines, connections) is let go of at once.
    if (isLast(next.value)) messages.return?.().catch((error: unknown) => complain(error, log));
    return next.value;
  } catch (error) {
    complain(error, log);
    return failure("INTERNAL", "The answer broke");
  }
}

function complain(error: unknown, log: Log): void {
  log.error("An answer broke", { error: String(error) });
}

/** Streams only to those who ask for them; `*` asks for anything. */
function acceptsStream(headers: HeaderView): boolean {
  const accept = headers.get("accept");
  return accept !== null && /text\/event-stream|\*\/\*|text\/\*/i.test(accept);
}
