/** Everything the policy knows of one upstream and one kind of thing there, ready to be asked. */
import type { Config } from "../config/index.ts";
import type { TargetKind } from "../mcp/index.ts";
import { createLooseIndex } from "./loose-uri.ts";
import { type NameEntry, type NameIndex, createNameIndex } from "./name-index.ts";
import { patternsFor, toKinds, toTargets } from "./pattern.ts";
import { type Rule, inOrder } from "./rule.ts";
import type { Standing } from "./standing.ts";

/** An allow pattern, as the config has it, of a client itself or of a role that it holds. */
export interface Grant {
  readonly allowed: true;
  readonly allowedBy: string;
  readonly role?: string;
}
export interface KindReach {
  /** The upstream's own `expose`; undefined exposes everything. */
  readonly exposed: NameIndex<string> | undefined;
  /** By client: the allow patterns that speak of this upstream. */
  readonly allowed: ReadonlyMap<string, NameIndex<Grant>>;
  /** Rules that deny without conditions. */
  readonly hidden: NameIndex<Rule>;
  /** Rules that set arguments. */
  readonly setting: NameIndex<Rule>;
  /** Rules that do anything else at the call. */
  readonly asked: NameIndex<Rule>;
  /** What would be one of the others; asked by nobody who decides. */
  readonly expired: NameIndex<Rule>;
}
export type UpstreamReach = { readonly [kind in TargetKind]: KindReach };

export function createReach(
  config: Config,
  standing: Standing,
): ReadonlyMap<string, UpstreamReach> {
  return new Map(
    Object.keys(config.upstreams).map((upstream) => [
      upstream,
      {
        tool: reachOf(config, standing, upstream, "tool"),
        resource: reachOf(config, standing, upstream, "resource"),
        prompt: reachOf(config, standing, upstream, "prompt"),
      },
    ]),
  );
}

/** A rule in shadow hides nothing: it is asked at the call, and recorded. */
function reachOf(
  config: Config,
  { roles, rules, expired }: Standing,
  upstream: string,
  kind: TargetKind,
): KindReach {
  const { tools, resources, prompts } = config.upstreams[upstream]!.expose;
  const exposes = { tool: tools, resource: resources, prompt: prompts }[kind];
  const allowed = Object.entries(config.clients).map(([client, { allow }]) => {
    const held = [{ name: undefined, allow }, ...(roles.get(client) ?? [])];
    const entries = held.flatMap(({ name: role, allow: lists }) =>
      entriesOf(upstream, toKinds(lists)[kind], (allowedBy): Grant => {
        return { allowed: true, allowedBy, ...(role !== undefined && { role }) };
      }),
    );
    return [client, createNameIndex(entries)] as const;
  });
  const createRuleIndex = kind === "resource" ? createLooseIndex<Rule> : createNameIndex<Rule>;
  const indexOf = (of: readonly Rule[], isOne: (rule: Rule) => boolean): NameIndex<Rule> =>
    createRuleIndex(
      of.filter(isOne).flatMap((rule) => entriesOf(upstream, toTargets(rule.on)[kind], () => rule)),
      inOrder,
    );
  return {
    exposed: exposes && createNameIndex(exposes.map((glob) => ({ glob, value: glob }))),
    allowed: new Map(allowed),
    hidden: indexOf(rules, hides),
    setting: indexOf(rules, (rule) => kind === "tool" && rule.set.size + rule.defaults.size > 0),
    asked: indexOf(rules, (rule) => rule.hit !== undefined && !hides(rule)),
    expired: indexOf(expired, () => true),
  };
}

export function hides({ denies, conditional, enforced }: Rule): boolean {
  return denies && !conditional && enforced;
}

function entriesOf<T>(
  upstream: string,
  patterns: readonly string[],
  toValue: (source: string) => T,
): readonly NameEntry<T>[] {
  return patternsFor(upstream, patterns).map(({ glob, source }) => ({
    glob,
    value: toValue(source),
  }));
}
