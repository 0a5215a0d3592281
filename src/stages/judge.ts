import {
  type Clock,
  type Consulted,
  type Deny,
  type Judged,
  type OneTarget,
  type Stage,
  type ToolFacts,
  deny,
  pass,
  withFact,
} from "../core/index.ts";
import { compareParamHeaders, isObject, member } from "../mcp/index.ts";
import type { Policy } from "../policy/index.ts";
import type { Upstreams } from "../upstreams/index.ts";
import { argumentsFault } from "./arguments.ts";
import { findListed } from "./existence.ts";

export interface JudgeSettings {
  /** Faults of arguments against the tool's schema are only reported for these upstreams. */
  readonly reportsArguments: (upstream: string) => boolean;
  readonly report: (upstream: string, tool: string, fault: string) => void;
}

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
      if (target.kind !== "one") {
        return pass(withFact(exchange, { judgement: { rules: [], tool: undefined } }));
      }
      const tool = await findListed(exchange, target, upstreams, clock);
      if (tool !== undefined && "verdict" in tool) return tool;
      const subject = { client: client.name, address };
      const thing = { kind: target.what, upstream: target.upstream, name: target.name };
      const args = member(call, "arguments");
      const annotations = member(tool?.definition, "annotations");
      const judged = policy.judge(subject, thing, { args, annotations });
      if (judged.verdict === "deny") return deny(judged.code, judged.why, { rules: judged.rules });
      const fault = tool && checkTool(exchange, target, tool);
      return fault ?? pass(withFact(exchange, { judgement: { rules: judged.rules, tool } }));
    },
  };

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
