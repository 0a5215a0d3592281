/** One upstream's calls: what it answers as it answers it, and what it asks in between. */
import type { Cancellation, Clock, Failure } from "../core/index.ts";
import { type NotificationMessage, member, stringOf } from "../mcp/index.ts";
import { type Last, toLast, toModern, unanswered } from "./call-end.ts";
import { createCallMessages } from "./call-messages.ts";
import { toCall } from "./call-request.ts";
import { type FetchParamHeaders, createRetry } from "./call-retry.ts";
import type { Closing } from "./closing.ts";
import type { Dial } from "./dial.ts";
import type { UpstreamRequest } from "./face.ts";
import { type Waiting, createDialogue } from "./dialogue.ts";
import type { HeldCall, OpenCall } from "./held.ts";
import {
  type Link,
  type LinkEnd,
  type LinkMessage,
  type Transport,
  isAlone,
  isFailure,
} from "./link.ts";
import { type Remote, type Round, type RoundMessage, holderOf, over } from "./remote/index.ts";
import { type Tokens, relayNotification, toTokens } from "./relay.ts";
import { Aborted, type Watch, openWatch } from "./watch.ts";

export interface Calls {
  /** Notifications, then the end as `toEnd` makes it. */
  readonly forward: (
    request: UpstreamRequest,
    toEnd: (last: Last) => Last,
    signal?: Cancellation,
  ) => AsyncGenerator<NotificationMessage | Last>;
}

export interface CallSettings {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly nextId: () => number;
  readonly closing: Closing;
  /** The upstream's name. */
  readonly name: string;
  readonly remote: Remote;
  readonly paramHeaders: FetchParamHeaders;
}

type End = LinkEnd | Waiting;

export function createCalls(dial: Dial, settings: CallSettings): Calls {
  const { name, transport, clock, closing, nextId, remote } = settings;
  const { note } = dial;
  const retry = createRetry(transport, settings.paramHeaders);
  const dialogue = createDialogue(dial, clock, settings.deadlineMs, remote.toName);
  closing.onClose(dialogue.close);
  closing.onClose(remote.serve(name, takeUp));

  /** What the upstream answers, as it answers it; what belongs to another hop is tried once more. */
  async function* forward(
    request: UpstreamRequest,
    toEnd: (last: Last) => Last,
    signal?: Cancellation,
  ): AsyncGenerator<NotificationMessage | Last> {
    const waiting = stringOf(member(request.params, "requestState"));
    if (waiting !== undefined && isOfHeld(waiting)) {
      yield* takeUp(waiting, request, signal) ?? goOnElsewhere(waiting, request, signal);
      return;
    }
    const { deadlineMs } = settings;
    const timeoutMs = request.timeoutMs ?? settings.timeoutMs;
    const watch = openWatch(clock, { timeoutMs, deadlineMs }, closing, signal);
    let isHeld = false;
    try {
      let { paramHeaders } = request;
      const caller = dial.toLinkCaller(request);
      for (let attempt = 1; ; attempt++) {
        const link = await dial.connect(caller, watch.signal);
        if (isFailure(link)) {
          yield note(watch.fault() ?? link, signal);
          return;
        }
        if (waiting !== undefined && link.era === "legacy") {
          yield over;
          return;
        }
        const id = nextId();
        const tokens = toTokens({ params: request.params, id });
        const call = toCall({ ...request, paramHeaders }, caller, link, id, tokens);
        watch.touch();
        const answer = await link.exchange(call, watch.signal).catch(toGivenUp);
        const last = isAlone(answer)
          ? answer
          : yield* relay(toOpenCall(answer, link, tokens, watch), request);
        if (last.kind === "held") {
          isHeld = true;
          yield last.asked;
          return;
        }
        const again = attempt === 1 ? await retry(link, last, request, watch.signal) : undefined;
        if (again !== undefined) {
          paramHeaders = again;
          continue;
        }
        yield toEnd(note(toLast(last, request, link, watch, dial), signal));
        return;
      }
    } finally {
      if (!isHeld) watch.close();
    }
  }

  /** Whether a state is the name of a held call: a modern upstream may name its own as it likes. */
  function isOfHeld(waiting: string): boolean {
    const era = transport.era();
    return era === undefined ? holderOf(waiting) !== undefined : era === "legacy";
  }

  /** Undefined for what does not wait here, or waits for somebody else. */
  function takeUp(
    waiting: string,
    round: Round,
    signal: Cancellation | undefined,
  ): AsyncGenerator<RoundMessage> | undefined {
    const call = dialogue.take(round.client, waiting);
    return call && goOn(call, round, signal);
  }

  /** Its deadlines are kept where it waits; here it is given up by its caller, and at the last. */
  async function* goOnElsewhere(
    waiting: string,
    request: UpstreamRequest,
    signal: Cancellation | undefined,
  ): AsyncGenerator<RoundMessage> {
    const { deadlineMs } = settings;
    const watch = openWatch(clock, { timeoutMs: deadlineMs, deadlineMs }, closing, signal);
    const errand = { upstream: name, waiting, round: request };
    try {
      for await (const message of remote.reach(errand, request.maxBytes, watch.signal)) {
        yield isFailure(message) ? (watch.fault() ?? message) : message;
      }
    } finally {
      watch.close();
    }
  }

  /** Answers what a held call waits for, and goes on with it. */
  async function* goOn(
    call: HeldCall,
    request: Round,
    signal: Cancellation | undefined,
  ): AsyncGenerator<RoundMessage> {
    const { watch } = call;
    const callers = toTokens({ params: request.params, id: 0 })?.callers;
    const tokens = call.tokens && callers !== undefined ? { ...call.tokens, callers } : undefined;
    let isHeld = false;
    try {
      watch.passTo(signal);
      watch.touch();
      const again = await dialogue.answer(call, request);
      const last = again ?? (yield* relay({ ...call, tokens }, request));
      isHeld = last.kind === "held";
      if (last.kind === "held") yield last.asked;
      else yield toModern(note(toLast(last, request, call.link, watch, dial), signal), request);
    } finally {
      if (!isHeld) watch.close();
    }
  }

  /** Relays notifications and returns the end, or what is asked in the middle. */
  async function* relay(call: OpenCall, request: Round): AsyncGenerator<NotificationMessage, End> {
    const { messages, tokens, watch } = call;
    let isHeld = false;
    try {
      for (;;) {
        const { value: message, done } = await messages.next();
        if (done === true) return unanswered;
        const end =
          message.kind === "question" ? await dialogue.ask(call, message, request) : message;
        if (end === undefined) continue;
        isHeld = end.kind === "held";
        if (end.kind !== "notification") return end;
        watch.touch();
        const relayed = relayNotification(end, request, tokens);
        if (relayed === undefined) continue;
        watch.rest();
        yield relayed;
        watch.touch();
      }
    } finally {
      if (!isHeld) await messages.leave();
    }
  }

  function toOpenCall(
    answer: AsyncIterable<LinkMessage>,
    link: Link,
    tokens: Tokens | undefined,
    watch: Watch,
  ): OpenCall {
    return { link, messages: createCallMessages(answer, clock), tokens, watch };
  }

  return { forward };
}

/** Its caller gave the call up: `Watch.fault` knows why. */
function toGivenUp(error: unknown): Failure {
  if (!(error instanceof Aborted)) throw error;
  return unanswered;
}
