/** What a client reaches, decided target by target by what decides in production. */
import type { RuleConfig } from "../config/index.ts";
import type { RuleHit } from "../core/index.ts";
import { type ExplainGround, methodOfKind } from "../gateway.ts";
import { type InputKind, member } from "../mcp/index.ts";
import { definitionOf } from "../upstreams/index.ts";
import type { Target } from "./access-targets.ts";

export interface ReachedRule extends RuleHit {
  /** Whether it depends on the call; it stands for all calls otherwise. */
  readonly conditional: boolean;
}
export interface Reached {
  readonly target: Target;
  /** The allow patterns that name it, and whose they are. */
  readonly allows: readonly { readonly pattern: string; readonly role?: string }[];
  /** Rules that are asked when it is called. */
  readonly rules: readonly ReachedRule[];
  /** Rules give one argument different values, so that a call without arguments is refused. */
  readonly conflict?: true;
}

/** Of these targets those that exist for the client, whatever their conditions. */
export function reachOf(
  ground: ExplainGround,
  client: string,
  targets: readonly Target[],
): readonly Reached[] {
  const rules = new Map(ground.config.rules.map((rule) => [rule.name, rule]));
  return targets.flatMap((target): Reached[] => {
    const { kind, upstream, example } = target;
    const locked = kind === "tool" ? ground.lock.get(upstream)?.get(example) : undefined;
    const annotations = locked && member(definitionOf(locked), "annotations");
    const told = ground.policy.explain(
      { client, subject: undefined, address: undefined },
      { kind, upstream, name: example },
      { args: undefined, annotations, method: methodOfKind[kind] },
    );
    if (told.code === "POLICY_DENIED" || told.code === "BLOCKED") return [];
    const asked = told.rules.filter(
      ({ answer }) => answer !== "other-caller" && answer !== "expired",
    );
    return [
      {
        target,
        allows: told.allows,
        rules: asked.map(({ name, then, mode }): ReachedRule => {
          // oxlint-disable-next-line unicorn/no-thenable -- the record's word for what a rule does
          return { name, then, mode, conditional: isConditional(rules.get(name)) };
        }),
        ...(told.code === "RULE_CONFLICT" && { conflict: true }),
      },
    ];
  });
}

export interface InputGrantOf {
  readonly upstream: string;
  readonly kinds: readonly InputKind[];
}

/** What servers may ask of a client. */
export function inputOf(
  { config, policy }: ExplainGround,
  client: string,
): readonly InputGrantOf[] {
  return Object.keys(config.upstreams).flatMap((upstream) => {
    const kinds = [...policy.grants(client, upstream)].sort();
    return kinds.length === 0 ? [] : [{ upstream, kinds }];
  });
}

function isConditional(rule: RuleConfig | undefined): boolean {
  return rule?.when !== undefined || rule?.unless !== undefined;
}
