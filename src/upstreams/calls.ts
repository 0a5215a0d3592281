/** One upstream's calls: what it answers as it answers it, and what it asks in between. */
import { type Cancellation, type Clock, type Failure, failure } from "../core/index.ts";
import {
  type ErrorMessage,
  type JsonObject,
  type NotificationMessage,
  type ParamHeader,
  type ResultMessage,
  member,
  setMembers,
  spliced,
  stringOf,
  toModernResult,
} from "../mcp/index.ts";
import { createCallMessages } from "./call-messages.ts";
import type { Closing } from "./closing.ts";
import type { Dial } from "./dial.ts";
import type { UpstreamRequest } from "./face.ts";
import { type Waiting, createDialogue } from "./dialogue.ts";
import type { HeldCall, OpenCall } from "./held.ts";
import { couldDeclare, screenResult, toPagesRequired } from "./input.ts";
import {
  type Link,
  type LinkCall,
  type LinkCaller,
  type LinkEnd,
  type LinkMessage,
  type Transport,
  isAlone,
  isFailure,
} from "./link.ts";
import { type Remote, type Round, type RoundMessage, holderOf, over } from "./remote/index.ts";
import { type Tokens, relayNotification, toTokens } from "./relay.ts";
import { Aborted, type Watch, openWatch } from "./watch.ts";

export type Last = ResultMessage | ErrorMessage | Failure;

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
  /** The parameter headers of a tool, as its upstream lists it now. */
  readonly paramHeaders: (
    tool: string,
    request: UpstreamRequest,
    signal: Cancellation,
  ) => Promise<readonly ParamHeader[] | undefined>;
}

type End = LinkEnd | Waiting;

export const unanswered = failure("UPSTREAM_INVALID", "The answer ended early");

export function createCalls(dial: Dial, settings: CallSettings): Calls {
  const { name, transport, clock, closing, nextId, remote } = settings;
  const { note } = dial;
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
        yield toEnd(note(toLast(last, request, link, watch), signal));
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
      else yield toModern(note(toLast(last, request, call.link, watch), signal), request);
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

  /** A deadline or a lost caller is an end too, and explains a failure better than the failure does. */
  function toLast(last: LinkEnd, request: Round, { era }: Link, watch: Watch): Last {
    if (last.kind === "result") return screenResult(last, dial.askable(request), request);
    if (last.kind === "error") {
      if (last.code === -32042) {
        // A modern server has no such error; a legacy client would follow it to its pages.
        const isQuestion = era === "legacy" && request.asks;
        return isQuestion ? toPagesRequired(last, dial.askable(request)) : inputDenied(last);
      }
      if (last.code !== -32021) return last;
      const { client, caller } = request;
      const isTheirs = caller.era === "modern" && couldDeclare(last, dial.grants(client.name));
      return isTheirs ? last : inputDenied(last);
    }
    const end = last.kind === "stale" ? failure("UPSTREAM_UNAVAILABLE", last.why) : last;
    return watch.fault() ?? end;
  }

  /**
   * The parameter headers to try again with; undefined where the call must not be sent twice: only
   * what a refusal of the protocol, or of a server of the other era, has surely not done.
   */
  async function retry(
    link: Link,
    last: LinkEnd,
    request: UpstreamRequest,
    signal: Cancellation,
  ): Promise<readonly ParamHeader[] | undefined> {
    const isRefused = last.kind === "error" && last.code === -32022;
    if (last.kind === "stale" || isRefused) {
      const era = await transport.recheckEra(signal).catch(ignoreAborted);
      const isOther = era !== undefined && era !== link.era;
      return isRefused || isOther ? request.paramHeaders : undefined;
    }
    const mismatch = last.kind === "error" && last.code === -32020 && link.era === "modern";
    const named = request.method === "tools/call" && request.params?.node.members;
    const node = named && named.find(({ key }) => key === "name")?.value;
    if (!mismatch || !node || node.type !== "string") return undefined;
    return settings.paramHeaders(node.value, request, signal).catch(ignoreAborted);
  }

  return { forward };
}

function toModern(last: Last, { method }: Round): Last {
  if (last.kind !== "result") return last;
  return { ...last, result: toModernResult(method, last.result) };
}

/** Its caller gave the call up: `Watch.fault` knows why. */
function toGivenUp(error: unknown): Failure {
  if (!(error instanceof Aborted)) throw error;
  return unanswered;
}

function toCall(
  request: UpstreamRequest,
  { capabilities }: LinkCaller,
  link: Link,
  id: number,
  tokens: Tokens | undefined,
): LinkCall {
  const { method, params, headers, paramHeaders, maxBytes, caller, timeoutMs } = request;
  // A legacy client that never said what it wants to hear hears what servers commonly log.
  const isUnsaid = caller.era === "legacy" && link.era === "modern";
  return {
    id,
    method,
    params: link.era === "legacy" ? withoutInput(params) : params,
    progressToken: tokens?.ours,
    logLevel: caller.logLevel ?? (isUnsaid ? "info" : undefined),
    capabilities,
    headers,
    paramHeaders,
    maxBytes,
    timeoutMs,
  };
}

/** A legacy server knows nothing of answers that come with a request. */
function withoutInput(params: JsonObject | undefined): JsonObject | undefined {
  const gone = { inputResponses: undefined, requestState: undefined };
  return params && (spliced(params, setMembers(params, gone)) as JsonObject);
}

function inputDenied({ code }: ErrorMessage): Failure {
  return failure("INPUT_DENIED", `The upstream needs what is not granted (${code})`);
}

function ignoreAborted(error: unknown): undefined {
  if (!(error instanceof Aborted)) throw error;
}
