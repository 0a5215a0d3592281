/** Everything the policy knows of one upstream and one kind of thing there, ready to be asked. */
import type { Config } from "../config/index.ts";
import type { TargetKind } from "../mcp/index.ts";
import { createLooseIndex } from "./loose-uri.ts";
import { type NameIndex, createNameIndex } from "./name-index.ts";
import { patternsFor, toKinds, toTargets } from "./pattern.ts";
import type { Rule } from "./rule.ts";

export interface KindReach {
  /** The upstream's own `expose`; undefined exposes everything. */
  readonly exposed: NameIndex<string> | undefined;
  /** By client: the allow patterns that speak of this upstream. */
  readonly allowed: ReadonlyMap<string, NameIndex<string>>;
  /** Rules without conditions. */
  readonly hidden: NameIndex<Rule>;
  /** Rules with conditions. */
  readonly asked: NameIndex<Rule>;
}
export type UpstreamReach = { readonly [kind in TargetKind]: KindReach };

export function createReach(
  config: Config,
  rules: readonly Rule[],
): ReadonlyMap<string, UpstreamReach> {
  return new Map(
    Object.keys(config.upstreams).map((upstream) => [
      upstream,
      {
        tool: reachOf(config, rules, upstream, "tool"),
        resource: reachOf(config, rules, upstream, "resource"),
        prompt: reachOf(config, rules, upstream, "prompt"),
      },
    ]),
  );
}

function reachOf(
  config: Config,
  rules: readonly Rule[],
  upstream: string,
  kind: TargetKind,
): KindReach {
  const { tools, resources, prompts } = config.upstreams[upstream]!.expose;
  const exposes = { tool: tools, resource: resources, prompt: prompts }[kind];
  const allowed = Object.entries(config.clients).map(([client, { allow }]) => {
    const patterns = patternsFor(upstream, toKinds(allow)[kind]);
    const entries = patterns.map(({ glob, source }) => ({ glob, value: source }));
    return [client, createNameIndex(entries)] as const;
  });
  const createRuleIndex = kind === "resource" ? createLooseIndex<Rule> : createNameIndex<Rule>;
  const indexOf = (conditional: boolean): NameIndex<Rule> =>
    createRuleIndex(
      rules
        .filter((rule) => rule.conditional === conditional)
        .flatMap((rule) =>
          patternsFor(upstream, toTargets(rule.on)[kind]).map(({ glob }) => ({
            glob,
            value: rule,
          })),
        ),
    );
  return {
    exposed: exposes && createNameIndex(exposes.map((glob) => ({ glob, value: glob }))),
    allowed: new Map(allowed),
    hidden: indexOf(false),
    asked: indexOf(true),
  };
}
