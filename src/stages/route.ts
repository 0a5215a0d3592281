import {
  type Clock,
  type Deny,
  type ListTarget,
  type McpRequest,
  type Routed,
  type Stage,
  type Target,
  type Understood,
  deny,
  pass,
  withFact,
} from "../core/index.ts";
import { type ListKind, at, member, stringOf } from "../mcp/index.ts";
import type { Approvals } from "../approvals/index.ts";
import type { Policy } from "../policy/index.ts";
import type { Names, Upstreams } from "../upstreams/index.ts";
import { whyCutOff } from "./cut-off.ts";
import type { States } from "./state.ts";
import { createNaming } from "./target-named.ts";
import { createRounds } from "./target-round.ts";
import { allLists, createSubscriptionTargets } from "./target-subscription.ts";
import { createTaskTargets } from "./target-task.ts";
import type { Tasks } from "./task.ts";

/** What clients carry for the gateway. */
export interface Sealed {
  readonly states: States;
  readonly tasks: Tasks;
  /** The gateway's own questions. */
  readonly tickets: Pick<Approvals["tickets"], "open">;
}

/** Which upstream a message is for, and what the thing is called there. */
export function route(
  policy: Policy,
  upstreams: Upstreams,
  names: Names,
  { states, tasks, tickets }: Sealed,
  clock: Clock,
): Stage<Understood, Routed> {
  const naming = createNaming({ policy, upstreams, names, clock });
  const { toOne } = naming;
  const toRound = createRounds({ policy, states, tickets });
  const toTask = createTaskTargets(policy, tasks);
  const toSubscription = createSubscriptionTargets(naming);

  return {
    name: "route",
    run: async (exchange) => {
      const reachable = reach(exchange);
      const { upstream } = exchange.endpoint;
      if (reachable.length === 0 && upstream !== undefined) {
        const block = whyCutOff(policy, exchange, [upstream]);
        return deny("PATH_UNKNOWN", block ?? "The client reaches no such upstream", {
          recorded: block === undefined ? "POLICY_DENIED" : "BLOCKED",
        });
      }
      const target = await toTarget(exchange, reachable);
      return "verdict" in target ? target : pass(withFact(exchange, { target }));
    },
  };

  /** The upstreams of this endpoint of which the client may use anything at all. */
  function reach({ endpoint, client }: Understood): readonly string[] {
    return upstreams.names.filter(
      (name) =>
        (endpoint.upstream === undefined || endpoint.upstream === name) &&
        policy.reaches({ client: client.name, subject: client.subject }, name),
    );
  }

  async function toTarget(
    exchange: Understood,
    reachable: readonly string[],
  ): Promise<Target | Deny> {
    const { input } = exchange;
    switch (input.kind) {
      case "request":
        return toRequestTarget(exchange, input, reachable);
      case "response":
        return { kind: "reply" };
      case "stream":
        return { kind: "subscription", upstreams: reachable, lists: allLists, resources: [] };
      case "notification":
      case "close":
        return { kind: "gateway", upstreams: reachable };
    }
  }

  async function toRequestTarget(
    exchange: Understood,
    input: McpRequest,
    reachable: readonly string[],
  ): Promise<Target | Deny> {
    const { does } = input;
    switch (does.what) {
      case "gateway":
        return { kind: "gateway", upstreams: reachable };
      case "list":
        return toList(input, does.list, reachable);
      case "act": {
        const target = await toOne(exchange, input, does.target, [does.named], reachable);
        return "verdict" in target ? target : toRound(exchange.client, input, target);
      }
      case "task":
        return toTask(exchange, input, reachable);
      case "follow":
        return toOne(exchange, input, "resource", ["uri"], reachable);
      case "listen":
        return toSubscription(exchange, input, reachable);
      case "complete":
        break;
    }
    const type = stringOf(at(input.params, "ref", "type"));
    if (type === "ref/prompt") return toOne(exchange, input, "prompt", ["ref", "name"], reachable);
    if (type === "ref/resource") {
      return toOne(exchange, input, "resource", ["ref", "uri"], reachable);
    }
    return deny("PARAMS_INVALID", "params.ref.type must be ref/prompt or ref/resource");
  }
}

function toList(
  { params }: McpRequest,
  list: ListKind,
  upstreams: readonly string[],
): ListTarget | Deny {
  const cursor = member(params, "cursor");
  const text = stringOf(cursor);
  if (cursor !== undefined && text === undefined) {
    return deny("CURSOR_INVALID", "The cursor is no string");
  }
  return { kind: "list", list, upstreams, cursor: text };
}
