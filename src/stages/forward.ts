import {
  type AnswerStream,
  type Answered,
  type AskedInput,
  type Clock,
  type Crypto,
  type ListTarget,
  type Metered,
  type OneTarget,
  type RuleHit,
  type Stage,
  type UpstreamTiming,
  type Verdict,
  deny,
  isLast,
  mapAnswer,
  pass,
  streamOf,
  withFact,
} from "../core/index.ts";
import {
  type JsonObject,
  type ResultMessage,
  at,
  member,
  setMembers,
  spliced,
  stringOf,
  unknownParamHeaders,
} from "../mcp/index.ts";
import type { Policy } from "../policy/index.ts";
import type { Sessions } from "../sessions/index.ts";
import type { Upstreams } from "../upstreams/index.ts";
import { answerQuestion, asksForInput, leaveUnanswered } from "./ask.ts";
import type { Greeter } from "./greet.ts";
import type { Lists } from "./lists.ts";
import { toCallDigest } from "./call-digest.ts";
import { cutCompletion } from "./complete.ts";
import type { ReviewListing } from "./review-list.ts";
import type { Sealed } from "./route.ts";
import type { Round, States } from "./state.ts";
import { subjectOf } from "./subject.ts";
import type { Subscriber } from "./subscribe.ts";
import { taskIdOf, withTaskId } from "./task.ts";

export interface ForwardSettings {
  /** The cap of each client's answers, by its name. */
  readonly maxResponseBytes: (client: string) => number;
  /** The names of those that clean the answer of a call which they matched. */
  readonly cleaning: (rules: readonly RuleHit[]) => readonly string[];
}
export interface ApprovalMarks {
  readonly crypto: Pick<Crypto, "sha256">;
  /** Digest of the config. */
  readonly config: string;
}

interface ForwardedRound extends Round {
  readonly onAsked: (result: JsonObject) => void;
  readonly word: Parameters<States["seal"]>[2] | undefined;
}
type ResultChange = (result: JsonObject) => JsonObject;

/** Who can answer, beside an upstream. */
export interface Answerers {
  readonly lists: Lists;
  readonly greeter: Greeter;
  readonly subscriber: Subscriber;
  readonly sessions: Sessions;
  /** What plugins say of lists; undefined where none says anything. */
  readonly reviewList: (exchange: Metered, target: ListTarget) => ReviewListing | undefined;
}

/** Asks who can answer: one upstream, several of them for a list, or the gateway itself. */
export function forward(
  policy: Policy,
  upstreams: Upstreams,
  { states, tasks }: Sealed,
  { lists, greeter, subscriber, sessions, reviewList }: Answerers,
  clock: Clock,
  settings: ForwardSettings,
  marks: ApprovalMarks,
): Stage<Metered, Answered> {
  return {
    name: "forward",
    run: async (exchange) => {
      const { target } = exchange;
      switch (target.kind) {
        case "gateway":
          return greeter.greet(exchange, target);
        case "list":
          return toList(exchange, target);
        case "subscription":
          return subscriber.listen(exchange, target);
        case "reply":
          return answerQuestion(exchange, sessions);
        case "one":
          return toOne(exchange, target);
      }
    },
  };

  async function toList(exchange: Metered, target: ListTarget): Promise<Verdict<Answered>> {
    const from = clock.elapsed();
    const listed = await lists.list(exchange, target, reviewList(exchange, target));
    if ("verdict" in listed) return listed;
    const { message, redactions } = listed;
    const timing = { upstreamMs: clock.elapsed() - from };
    return pass(withFact(exchange, { raw: streamOf(message), timing, cleaned: redactions }));
  }

  async function toOne(exchange: Metered, target: OneTarget): Promise<Verdict<Answered>> {
    const upstream = upstreams.get(target.upstream);
    const { input, client, call, shaped, judgement, headers, signal } = exchange;
    if (upstream === undefined || input.kind !== "request") {
      return deny("TARGET_UNKNOWN", "The upstream is gone");
    }
    if (input.does.what === "follow") return subscriber.follow(exchange, target, input.does.starts);
    const paramHeaders = shaped.tool?.headers ?? [];
    const request = {
      client,
      caller: input.caller,
      method: input.method,
      params: call,
      headers: unknownParamHeaders(headers, paramHeaders),
      paramHeaders,
      maxBytes: settings.maxResponseBytes(client.name),
      asks: input.asks,
      refused: input.refused,
      timeoutMs: judgement.adjust.timeoutMs,
    };
    const timing: UpstreamTiming = {};
    const asked: AskedInput = {};
    const onAsked = (result: JsonObject): void => {
      asked.giveUp = () => leaveUnanswered(upstream, request, result);
    };
    const change = toChange(exchange, target);
    const cleanedBy = target.cleanedBy ?? settings.cleaning(judgement.rules);
    const own = { client, method: input.method, target: { ...target, cleanedBy } };
    const round = { ...own, word: toWord(exchange), onAsked };
    const raw = relay(upstream.send(request, signal), timing, round, change);
    return pass(withFact(exchange, { raw, timing, cleaned: undefined, asked }));
  }

  function relay(
    raw: AnswerStream,
    timing: UpstreamTiming,
    round: ForwardedRound,
    change: ResultChange | undefined,
  ): AnswerStream {
    const from = clock.elapsed();
    return mapAnswer(raw, (message) => {
      if (isLast(message)) timing.upstreamMs = clock.elapsed() - from;
      if (message.kind !== "result") return message;
      if (asksForInput(message.result)) {
        round.onAsked(message.result);
        return sealState(message, round);
      }
      const shown = change === undefined ? message : { ...message, result: change(message.result) };
      const task = carriesTask(round.method, shown.result) ? taskIdOf(shown.result) : undefined;
      return task === undefined ? shown : sealTask(shown, round, task);
    });
  }

  /** The client gets a state of ours for the upstream's, also where that gave none. */
  async function sealState(message: ResultMessage, round: ForwardedRound): Promise<ResultMessage> {
    const own = stringOf(member(message.result, "requestState"));
    const requestState = JSON.stringify(await states.seal(round, own, round.word));
    const sealed = spliced(message.result, setMembers(message.result, { requestState }));
    return { ...message, result: sealed as JsonObject };
  }

  /** So that whoever has approved the call is not asked again in its next round. */
  function toWord({ approval, call, input }: Metered): ForwardedRound["word"] {
    if (approval === undefined || input.kind !== "request") return undefined;
    const { crypto, config } = marks;
    return { approval, call: toCallDigest(input.method, call, crypto), config };
  }

  async function sealTask(
    message: ResultMessage,
    { client, target }: Round,
    id: string,
  ): Promise<ResultMessage> {
    const { upstream, name: tool, cleanedBy = [] } = target;
    const task = { upstream, tool, id, cleanedBy };
    return { ...message, result: withTaskId(message.result, await tasks.seal(client, task)) };
  }

  /** What the gateway itself changes in a result: completions that say too much. */
  function toChange(exchange: Metered, target: OneTarget): ResultChange | undefined {
    if (!target.isTemplate) return undefined;
    const subject = subjectOf(exchange);
    const argument = stringOf(at(exchange.call, "argument", "name")) ?? "";
    return (result) =>
      cutCompletion(result, target.name, argument, (template) =>
        policy.showsTemplate(subject, target.upstream, template),
      );
  }
}

function carriesTask(method: string, result: JsonObject): boolean {
  return method.startsWith("tasks/") || stringOf(member(result, "resultType")) === "task";
}
