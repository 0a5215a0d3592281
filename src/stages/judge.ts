import {
  type Clock,
  type Consulted,
  type Deny,
  type Judged,
  type OneTarget,
  type Stage,
  type SubscriptionTarget,
  type ToolFacts,
  deny,
  pass,
  withFact,
} from "../core/index.ts";
import { compareParamHeaders, isObject, member } from "../mcp/index.ts";
import type { Policy } from "../policy/index.ts";
import type { Upstreams } from "../upstreams/index.ts";
import { argumentsFault } from "./arguments.ts";
import { type IsWithheld, findListed } from "./existence.ts";

export interface JudgeSettings {
  /** Faults of arguments against the tool's schema are only reported for these upstreams. */
  readonly reportsArguments: (upstream: string) => boolean;
  readonly report: (upstream: string, tool: string, fault: string) => void;
  readonly isWithheld: IsWithheld;
}

const unasked: Judged["judgement"] = { rules: [], tool: undefined };

/** Rules with conditions and the tool's own schema, on exactly the bytes that will be sent. */
export function judge(
  policy: Policy,
  upstreams: Upstreams,
  clock: Clock,
  settings: JudgeSettings,
): Stage<Consulted, Judged> {
  return {
    name: "judge",
    run: async (exchange) => {
      const { target, client, address, call } = exchange;
      switch (target.kind) {
        case "subscription":
          return pass(withFact(exchange, { judgement: unasked, target: cut(exchange, target) }));
        case "list":
        case "gateway":
        case "reply":
          return pass(withFact(exchange, { judgement: unasked }));
        case "one":
          break;
      }
      const tool = await findListed(exchange, target, upstreams, clock, settings.isWithheld);
      if (tool !== undefined && "verdict" in tool) return tool;
      // The call that became the task was judged when it was made.
      const isTask = exchange.input.kind === "request" && exchange.input.does.what === "task";
      if (isTask) return pass(withFact(exchange, { judgement: { rules: [], tool } }));
      const subject = { client: client.name, subject: client.subject, address };
      const thing = { kind: target.what, upstream: target.upstream, name: target.name };
      const args = member(call, "arguments");
      const annotations = member(tool?.definition, "annotations");
      const judged = policy.judge(subject, thing, { args, annotations });
      if (judged.verdict === "deny") return deny(judged.code, judged.why, { rules: judged.rules });
      const fault = tool && checkTool(exchange, target, tool);
      return fault ?? pass(withFact(exchange, { judgement: { rules: judged.rules, tool } }));
    },
  };

  /** What a rule would refuse to read is not listened to either. */
  function cut({ client, address }: Consulted, target: SubscriptionTarget): SubscriptionTarget {
    const subject = { client: client.name, subject: client.subject, address };
    const nothing = { args: undefined, annotations: undefined };
    const resources = target.resources.filter(({ upstream, uri }) => {
      const thing = { kind: "resource", upstream, name: uri } as const;
      return policy.judge(subject, thing, nothing).verdict === "pass";
    });
    return { ...target, resources };
  }

  function checkTool(exchange: Consulted, target: OneTarget, tool: ToolFacts): Deny | undefined {
    const args = member(exchange.call, "arguments");
    if (args !== undefined && !isObject(args)) {
      return deny("PARAMS_INVALID", "params.arguments must be an object");
    }
    if (exchange.input.caller.era === "modern") {
      const mismatch = compareParamHeaders(exchange.headers, tool.headers, args);
      if (mismatch !== undefined) return deny("HEADER_MISMATCH", mismatch);
    }
    const fault = argumentsFault(tool, args);
    if (fault === undefined) return undefined;
    if (!settings.reportsArguments(target.upstream)) return deny("ARGUMENTS_INVALID", fault);
    settings.report(target.upstream, target.name, fault);
    return undefined;
  }
}
