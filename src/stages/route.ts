import {
  type Clock,
  type Deny,
  type McpRequest,
  type OneTarget,
  type Routed,
  type Stage,
  type Target,
  type Understood,
  deny,
  pass,
  withFact,
} from "../core/index.ts";
import {
  type JsonObject,
  type TargetKind,
  at,
  isObject,
  member,
  replace,
  spliced,
  stringOf,
} from "../mcp/index.ts";
import type { Policy } from "../policy/index.ts";
import type { Names, Upstreams } from "../upstreams/index.ts";
import { settleName } from "./settle-name.ts";

/** Which upstream a message is for, and what the thing is called there. */
export function route(
  policy: Policy,
  upstreams: Upstreams,
  names: Names,
  clock: Clock,
): Stage<Understood, Routed> {
  return {
    name: "route",
    run: async (exchange) => {
      const reachable = reach(exchange);
      if (reachable.length === 0 && exchange.endpoint.upstream !== undefined) {
        return deny("PATH_UNKNOWN", "The client reaches no such upstream", {
          recorded: "POLICY_DENIED",
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
        policy.reaches(client.name, name),
    );
  }

  async function toTarget(
    exchange: Understood,
    reachable: readonly string[],
  ): Promise<Target | Deny> {
    const { input } = exchange;
    if (input.kind !== "request") return { kind: "gateway", upstreams: reachable };
    const { does } = input;
    if (does.what === "gateway") return { kind: "gateway", upstreams: reachable };
    if (does.what === "list") {
      if (member(input.params, "cursor") !== undefined) {
        return deny("CURSOR_INVALID", "Lists are given whole, so no cursor is ours");
      }
      return { kind: "list", list: does.list, upstreams: reachable };
    }
    if (does.what === "act") return toOne(exchange, input, does.target, [does.named], reachable);
    const type = stringOf(at(input.params, "ref", "type"));
    if (type === "ref/prompt") return toOne(exchange, input, "prompt", ["ref", "name"], reachable);
    if (type === "ref/resource") {
      return toOne(exchange, input, "resource", ["ref", "uri"], reachable);
    }
    return deny("PARAMS_INVALID", "params.ref.type must be ref/prompt or ref/resource");
  }

  /** The thing named at `path` of the parameters, under its upstream's own name. */
  async function toOne(
    exchange: Understood,
    { params, caller }: McpRequest,
    what: TargetKind,
    path: readonly string[],
    reachable: readonly string[],
  ): Promise<OneTarget | Deny> {
    const named = at(params, ...path);
    const shown = stringOf(named);
    if (params === undefined || named === undefined || shown === undefined) {
      return deny("PARAMS_INVALID", `params.${path.join(".")} must be a string`);
    }
    const { upstream } = exchange.endpoint;
    const found =
      upstream !== undefined
        ? { upstream, name: shown }
        : await settleName({
            candidates: what === "resource" ? names.findUri(shown) : names.find(shown),
            reachable,
            shown,
            what,
            upstreams,
            caller: { client: exchange.client, caller },
            signal: exchange.signal,
            clock,
          });
    if (found === undefined) return deny("TARGET_UNKNOWN", "No upstream has a thing of this name");
    const isTemplate = path.length > 1 && what === "resource" && found.name.includes("{");
    const own =
      found.name === shown
        ? params
        : (spliced(params, [replace(named, JSON.stringify(found.name))]) as JsonObject);
    if (!isObject(own)) throw new Error("Renamed parameters are no object");
    return {
      kind: "one",
      upstream: found.upstream,
      what,
      name: found.name,
      isTemplate,
      params: own,
    };
  }
}
