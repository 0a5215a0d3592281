import {
  type Clock,
  type Deny,
  type OneTarget,
  type Permitted,
  type Shaped,
  type Stage,
  type ToolFacts,
  deny,
  pass,
  withFact,
} from "../core/index.ts";
import { compareParamHeaders, isObject, member } from "../mcp/index.ts";
import type { Policy } from "../policy/index.ts";
import type { Upstreams } from "../upstreams/index.ts";
import { type IsWithheld, findListed } from "./existence.ts";
import { setArguments } from "./set-arguments.ts";
import { subjectOf } from "./subject.ts";
import { isOfTask } from "./task.ts";

/**
 * The request as the policy wants it sent: the upstream's own names, arguments that rules set, and
 * nothing else changed.
 */
export function shape(
  policy: Policy,
  upstreams: Upstreams,
  clock: Clock,
  isWithheld: IsWithheld,
): Stage<Permitted, Shaped> {
  return {
    name: "shape",
    run: async (exchange) => {
      const { input, target } = exchange;
      if (target.kind !== "one") {
        const hasParams = input.kind === "request" || input.kind === "notification";
        const params = hasParams ? input.params : undefined;
        return pass(withFact(exchange, { shaped: { params, tool: undefined, ...unset } }));
      }
      // First, since what follows tells its reason, and of what does not exist nothing is told.
      const tool = await findListed(exchange, target, upstreams, clock, isWithheld);
      if (tool !== undefined && "verdict" in tool) return tool;
      // The call that became the task was shaped when it was made.
      if (tool === undefined || isOfTask(input)) {
        return pass(withFact(exchange, { shaped: { params: target.params, tool, ...unset } }));
      }
      const shaped = shapeCall(exchange, target, tool);
      return "verdict" in shaped ? shaped : pass(withFact(exchange, { shaped }));
    },
  };

  function shapeCall(
    exchange: Permitted,
    target: OneTarget,
    tool: ToolFacts,
  ): Shaped["shaped"] | Deny {
    const subject = subjectOf(exchange);
    const thing = { kind: target.what, upstream: target.upstream, name: target.name };
    const args = member(target.params, "arguments");
    if (args !== undefined && !isObject(args)) {
      return deny("PARAMS_INVALID", "params.arguments must be an object");
    }
    if (exchange.input.caller.era === "modern") {
      // The client mirrors what it sends; what goes up is mirrored anew. Of an argument that its
      // schema does not show it can know no header.
      const pinned = policy.pinned(subject, thing);
      const isShown = ({ path: [key = ""], header }: ToolFacts["headers"][number]): boolean =>
        !pinned.has(key) || exchange.headers.get(header) !== null;
      const known = pinned.size === 0 ? tool.headers : tool.headers.filter(isShown);
      const mismatch = compareParamHeaders(exchange.headers, known, args);
      if (mismatch !== undefined) return deny("HEADER_MISMATCH", mismatch);
    }
    const annotations = member(tool.definition, "annotations");
    const found = policy.shape(subject, thing, { args, annotations });
    const { rules } = found;
    if (found.kind === "deny") return deny(found.code, found.why, { rules });
    const params = setArguments(target.params, found.set);
    return { params, tool, rules, pinned: found.pinned };
  }
}

const unset: Pick<Shaped["shaped"], "rules" | "pinned"> = { rules: [], pinned: new Map() };
