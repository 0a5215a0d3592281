/** What a legacy server asks in the middle of a call, and the calls that wait for an answer. */
import { type ClientIdentity, type Clock, type Failure, failure } from "../core/index.ts";
import type { ErrorMessage, ResultMessage } from "../mcp/index.ts";
import type { Dial } from "./dial.ts";
import { type HeldCall, type OpenCall, createHeld } from "./held.ts";
import { askFault, toAnswer, toInputRequired } from "./input.ts";
import type { LinkQuestion } from "./link.ts";
import type { Round } from "./remote/index.ts";

/** The end of one request; the call behind it goes on when the caller comes back with its answer. */
export interface Waiting {
  readonly kind: "held";
  readonly asked: ResultMessage;
}
export interface Dialogue {
  /**
   * The question, and what comes along with it, as an end of the caller's request; undefined where
   * everything was refused at once.
   */
  readonly ask: (
    call: OpenCall,
    first: LinkQuestion,
    request: Round,
  ) => Promise<Waiting | Failure | undefined>;
  /** Once; undefined for what does not wait, or waits for somebody else. */
  readonly take: (client: ClientIdentity, waiting: string) => HeldCall | undefined;
  /**
   * Sends up what the client answered. What it left out is asked for again (2026-07-28, multi
   * round-trip requests); undefined where it left out nothing.
   */
  readonly answer: (call: HeldCall, request: Round) => Promise<Waiting | Failure | undefined>;
  readonly close: () => void;
}

/** A server that asks several things asks them at once; they are given to the client together. */
const GATHER_MS = 30;
const MAX_QUESTIONS = 16;

const tooMany = failure("UPSTREAM_UNAVAILABLE", "Too many calls wait for input");
/** As a client answers that does not have the capability. */
const refusal: ErrorMessage = {
  kind: "error",
  code: -32601,
  message: "Method not found",
  data: undefined,
};

export function createDialogue(
  dial: Dial,
  clock: Clock,
  holdMs: number,
  toName: () => string,
): Dialogue {
  const held = createHeld(clock, holdMs, toName);

  async function ask(
    call: OpenCall,
    first: LinkQuestion,
    request: Round,
  ): Promise<Waiting | Failure | undefined> {
    call.watch.touch();
    const questions = new Map<string, LinkQuestion>();
    let question: LinkQuestion | undefined = first;
    while (question !== undefined) {
      if (isGranted(question, request)) questions.set(`input-${questions.size + 1}`, question);
      else await question.reply(refusal);
      if (questions.size === 0 || questions.size >= MAX_QUESTIONS) break;
      question = await call.messages.soonQuestion(GATHER_MS);
    }
    if (questions.size === 0) return undefined;
    return hold(call, questions, request);
  }

  function isGranted({ request: { method, params } }: LinkQuestion, request: Round) {
    return request.asks && askFault(method, params, dial.askable(request)) === undefined;
  }

  /** A call that cannot wait is over: nothing else would end the step it is in. */
  function hold(
    call: OpenCall,
    questions: ReadonlyMap<string, LinkQuestion>,
    { client, caller }: Round,
  ): Waiting | Failure {
    const isAttended = caller.era === "legacy";
    const waiting = held.hold(client, { ...call, questions, isAttended });
    if (waiting === undefined) {
      call.watch.end(tooMany);
      void call.messages.leave();
      return tooMany;
    }
    call.watch.passTo(undefined);
    call.watch.rest();
    return { kind: "held", asked: toInputRequired(questions, waiting) };
  }

  async function answer(call: HeldCall, request: Round): Promise<Waiting | Failure | undefined> {
    const open = new Map(call.questions);
    for (const [key, question] of call.questions) {
      const given = toAnswer(request, key);
      if (given === undefined) continue;
      open.delete(key);
      await question.reply(given);
    }
    return open.size > 0 ? hold(call, open, request) : undefined;
  }

  return { ask, take: held.take, answer, close: held.close };
}
