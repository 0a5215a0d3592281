/** The thing that a request names: of which upstream it is, and what it is called there. */
import {
  type Caller,
  type Clock,
  type Deny,
  type McpRequest,
  type OneTarget,
  type Understood,
  deny,
} from "../core/index.ts";
import {
  type JsonObject,
  type TargetKind,
  at,
  isObject,
  replace,
  spliced,
  stringOf,
} from "../mcp/index.ts";
import type { Policy } from "../policy/index.ts";
import type { NameCandidate, Names, Upstreams } from "../upstreams/index.ts";
import { toUnknown } from "./cut-off.ts";
import { type SettledName, settleName } from "./settle-name.ts";

export interface NamingPorts {
  readonly policy: Policy;
  readonly upstreams: Upstreams;
  readonly names: Names;
  readonly clock: Clock;
}

export interface Naming {
  /** Undefined for what no upstream has, and for what two have. */
  readonly settle: (
    exchange: Understood,
    caller: Caller,
    what: TargetKind,
    shown: string,
    reachable: readonly string[],
  ) => Promise<SettledName | undefined> | SettledName;
  /** The thing named at `path` of the parameters, under its upstream's own name. */
  readonly toOne: (
    exchange: Understood,
    request: McpRequest,
    what: TargetKind,
    path: readonly string[],
    reachable: readonly string[],
  ) => Promise<OneTarget | Deny>;
}

export function createNaming({ policy, upstreams, names, clock }: NamingPorts): Naming {
  const candidatesFor = (what: TargetKind, shown: string): readonly NameCandidate[] =>
    what === "resource" ? names.findUri(shown) : names.find(shown);

  const settle: Naming["settle"] = (
    { endpoint, client, signal },
    caller,
    what,
    shown,
    reachable,
  ) => {
    const { upstream } = endpoint;
    if (upstream !== undefined) return { upstream, name: shown };
    return settleName({
      candidates: candidatesFor(what, shown),
      reachable,
      shown,
      what,
      upstreams,
      caller: { client, caller },
      signal,
      clock,
    });
  };
  return {
    settle,
    toOne: async (exchange, { params, caller }, what, path, reachable) => {
      const named = at(params, ...path);
      const shown = stringOf(named);
      if (params === undefined || named === undefined || shown === undefined) {
        return deny("PARAMS_INVALID", `params.${path.join(".")} must be a string`);
      }
      const settled = settle(exchange, caller, what, shown, reachable);
      const found = settled instanceof Promise ? await settled : settled;
      if (found === undefined) {
        const owners = candidatesFor(what, shown).map(({ upstream }) => upstream);
        return toUnknown(policy, exchange, owners, "No upstream has a thing of this name");
      }
      const { upstream, name } = found;
      const isTemplate = path.length > 1 && what === "resource" && name.includes("{");
      const own =
        name === shown
          ? params
          : (spliced(params, [replace(named, JSON.stringify(name))]) as JsonObject);
      if (!isObject(own)) throw new Error("Renamed parameters are no object");
      return { kind: "one", upstream, what, name, isTemplate, params: own };
    },
  };
}
