import {
  type Adjustment,
  type Consulted,
  type Deny,
  type Judged,
  type OneTarget,
  type RuleHit,
  type Stage,
  type SubscriptionTarget,
  type ToolFacts,
  deny,
  pass,
  withFact,
} from "../core/index.ts";
import { isObject, member } from "../mcp/index.ts";
import type { Policy } from "../policy/index.ts";
import { argumentsFault } from "./arguments.ts";
import { subjectOf } from "./subject.ts";
import { isOfTask } from "./task.ts";

export interface JudgeSettings {
  /** Faults of arguments against the tool's schema are only reported for these upstreams. */
  readonly reportsArguments: (upstream: string) => boolean;
  readonly report: (upstream: string, tool: string, fault: string) => void;
  /** What rules that a call was judged by say of cleaning its answer. */
  readonly cleaningOf: (rules: readonly string[]) => Adjustment["sanitize"];
}

const asIs: Adjustment = { sanitize: [], buckets: [] };
const unasked: Judged["judgement"] = { rules: [], adjust: asIs };

/** Rules with conditions and the tool's own schema, on exactly the bytes that will be sent. */
export function judge(policy: Policy, settings: JudgeSettings): Stage<Consulted, Judged> {
  return {
    name: "judge",
    run: (exchange) => {
      const { target } = exchange;
      switch (target.kind) {
        case "subscription":
          return pass(withFact(exchange, cut(exchange, target)));
        case "list":
        case "gateway":
        case "reply":
          return pass(withFact(exchange, { judgement: unasked }));
        case "one":
          return judgeOne(exchange, target);
      }
    },
  };

  function judgeOne(exchange: Consulted, target: OneTarget) {
    const { input, call } = exchange;
    const { tool } = exchange.shaped;
    // The call that became the task was judged when it was made.
    if (isOfTask(input)) {
      const sanitize = settings.cleaningOf(target.cleanedBy ?? []);
      return pass(withFact(exchange, { judgement: { rules: [], adjust: { ...asIs, sanitize } } }));
    }
    const subject = subjectOf(exchange);
    const thing = { kind: target.what, upstream: target.upstream, name: target.name };
    const judged = policy.judge(subject, thing, {
      args: member(call, "arguments"),
      annotations: member(tool?.definition, "annotations"),
      method: methodOf(exchange),
    });
    const { rules } = judged;
    if (judged.verdict === "deny") return deny(judged.code, judged.why, { rules });
    const fault = tool && checkTool(exchange, target, tool, rules);
    if (fault !== undefined) return fault;
    const ask = judged.verdict === "ask" ? judged.ask : undefined;
    return pass(withFact(exchange, { judgement: { rules, adjust: judged.adjust, ask } }));
  }

  /** What a rule would refuse to read, or ask a person about, is not listened to either. */
  function cut(exchange: Consulted, target: SubscriptionTarget) {
    const subject = subjectOf(exchange);
    const method = methodOf(exchange);
    const rules = new Map<string, RuleHit>();
    const buckets = new Map<string, Adjustment["buckets"][number]>();
    const resources = target.resources.filter(({ upstream, uri }) => {
      const thing = { kind: "resource", upstream, name: uri } as const;
      const call = { args: undefined, annotations: undefined, method };
      const judged = policy.judge(subject, thing, call);
      for (const rule of judged.rules) rules.set(rule.name, rule);
      if (judged.verdict !== "pass") return false;
      for (const bucket of judged.adjust.buckets) buckets.set(bucket.key, bucket);
      return true;
    });
    const adjust = { ...asIs, buckets: [...buckets.values()] };
    return { target: { ...target, resources }, judgement: { rules: [...rules.values()], adjust } };
  }

  function checkTool(
    exchange: Consulted,
    target: OneTarget,
    tool: ToolFacts,
    rules: readonly RuleHit[],
  ): Deny | undefined {
    const args = member(exchange.call, "arguments");
    if (args !== undefined && !isObject(args)) {
      return deny("PARAMS_INVALID", "params.arguments must be an object", { rules });
    }
    const fault = argumentsFault(tool, args);
    if (fault === undefined) return undefined;
    if (!settings.reportsArguments(target.upstream)) {
      return deny("ARGUMENTS_INVALID", fault, { rules });
    }
    settings.report(target.upstream, target.name, fault);
    return undefined;
  }
}

function methodOf({ input }: Consulted): string {
  return input.kind === "request" || input.kind === "notification" ? input.method : "";
}
