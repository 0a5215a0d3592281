import {
  type AnswerStream,
  type Answered,
  type Metered,
  type OneTarget,
  type Clock,
  type Stage,
  type UpstreamTiming,
  deny,
  isLast,
  mapAnswer,
  pass,
  streamOf,
  withFact,
} from "../core/index.ts";
import { type JsonObject, at, stringOf, unknownParamHeaders } from "../mcp/index.ts";
import type { Policy } from "../policy/index.ts";
import type { Names, Upstreams } from "../upstreams/index.ts";
import type { Greeter } from "./greet.ts";
import type { Lists } from "./lists.ts";
import { cutCompletion } from "./complete.ts";
import { showUris } from "./show.ts";

export interface ForwardSettings {
  /** The cap of each client's answers, by its name. */
  readonly maxResponseBytes: (client: string) => number;
}

type ResultChange = (result: JsonObject) => JsonObject;

/** Asks who can answer: one upstream, several of them for a list, or the gateway itself. */
export function forward(
  policy: Policy,
  upstreams: Upstreams,
  names: Names,
  lists: Lists,
  greeter: Greeter,
  clock: Clock,
  settings: ForwardSettings,
): Stage<Metered, Answered> {
  return {
    name: "forward",
    run: async (exchange) => {
      const { target } = exchange;
      if (target.kind === "gateway") return greeter.greet(exchange, target);
      if (target.kind === "list") {
        const from = clock.elapsed();
        const { message, redactions } = await lists.list(exchange, target);
        const timing = { upstreamMs: clock.elapsed() - from };
        return pass(withFact(exchange, { raw: streamOf(message), timing, cleaned: redactions }));
      }
      const upstream = upstreams.get(target.upstream);
      const { input, client, call, judgement, headers, signal } = exchange;
      if (upstream === undefined || input.kind !== "request") {
        return deny("TARGET_UNKNOWN", "The upstream is gone");
      }
      const paramHeaders = judgement.tool?.headers ?? [];
      const raw = upstream.send(
        {
          client,
          caller: input.caller,
          method: input.method,
          params: call,
          headers: unknownParamHeaders(headers, paramHeaders),
          paramHeaders,
          maxBytes: settings.maxResponseBytes(client.name),
        },
        signal,
      );
      const timing: UpstreamTiming = {};
      const change = toChange(exchange, target);
      return pass(
        withFact(exchange, { raw: relay(raw, timing, change), timing, cleaned: undefined }),
      );
    },
  };

  function relay(
    raw: AnswerStream,
    timing: UpstreamTiming,
    change: ResultChange | undefined,
  ): AnswerStream {
    const from = clock.elapsed();
    return mapAnswer(raw, (message) => {
      if (isLast(message)) timing.upstreamMs = clock.elapsed() - from;
      return change !== undefined && message.kind === "result"
        ? { ...message, result: change(message.result) }
        : message;
    });
  }

  /** What the gateway itself changes in a result: shown URIs, and completions that say too much. */
  function toChange(exchange: Metered, target: OneTarget): ResultChange | undefined {
    const { client, address, endpoint, call } = exchange;
    if (target.isTemplate) {
      const subject = { client: client.name, address };
      const argument = stringOf(at(call, "argument", "name")) ?? "";
      return (result) =>
        cutCompletion(result, target.name, argument, (template) =>
          policy.showsTemplate(subject, target.upstream, template),
        );
    }
    if (endpoint.upstream !== undefined) return undefined;
    return (result) => showUris(result, (uri) => names.showUri(target.upstream, uri));
  }
}
