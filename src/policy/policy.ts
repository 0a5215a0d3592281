/** The one evaluator: what a client may see and use, asked the same way by every method (law 4). */
import type { Config } from "../config/index.ts";
import { type Ports, type RuleHit, isNormalUri } from "../core/index.ts";
import type { InputKind, Json, TargetKind } from "../mcp/index.ts";
import { toGrants } from "./grants.ts";
import { type KindReach, createReach } from "./reach.ts";
import { type Rule, compileRule } from "./rule.ts";
import { isCovered, showsTemplate } from "./template.ts";

export interface Subject {
  readonly client: string;
  readonly address: string | undefined;
}
/** `name` is the upstream's own name, or URI, exactly as it will be sent. */
export interface Thing {
  readonly kind: TargetKind;
  readonly upstream: string;
  readonly name: string;
}
export type Decision =
  | { readonly allowed: true; readonly allowedBy: string }
  | { readonly allowed: false; readonly why: string };
export type Judgement =
  | { readonly verdict: "pass"; readonly rules: readonly RuleHit[] }
  | {
      readonly verdict: "deny";
      readonly code: "RULE_DENIED" | "RULE_FAILED";
      readonly why: string;
      readonly rules: readonly RuleHit[];
    };

export interface Policy {
  /** Whether the client could be allowed anything at all of an upstream. */
  readonly reaches: (client: string, upstream: string) => boolean;
  /**
   * Whether a thing exists for a client: what its upstream exposes, an allow pattern names and no
   * rule without conditions denies. Names are compared exactly, never folded or normalized.
   */
  readonly decide: (subject: Subject, thing: Thing) => Decision;
  /** Whether some URI that the template expands to could be allowed. */
  readonly showsTemplate: (subject: Subject, upstream: string, uriTemplate: string) => boolean;
  /** The rules with conditions, on exactly what will be sent. */
  readonly judge: (
    subject: Subject,
    thing: Thing,
    call: { readonly args: Json | undefined; readonly annotations: Json | undefined },
  ) => Judgement;
  /**
   * What an upstream may ask of a client: always the same set for the same two, and an empty one
   * where either is not known.
   */
  readonly grants: (client: string, upstream: string) => ReadonlySet<InputKind>;
}

const kinds: readonly TargetKind[] = ["tool", "resource", "prompt"];

/** Everything is compiled and indexed by upstream here, so that a decision costs microseconds. */
export function createPolicy(config: Config, _ports: Pick<Ports, "clock">): Policy {
  const reach = createReach(config, config.rules.map(compileRule));
  return {
    reaches: (client, upstream) =>
      kinds.some((kind) => couldAllow(reach.get(upstream)?.[kind], client)),
    decide: (subject, thing) => decide(reach.get(thing.upstream)?.[thing.kind], subject, thing),
    showsTemplate: ({ client }, upstream, uriTemplate) => {
      const resources = reach.get(upstream)?.resource;
      return resources !== undefined && showsTemplate(resources, client, uriTemplate);
    },
    judge: (subject, thing, call) => {
      const rules = reach.get(thing.upstream)?.[thing.kind].asked.find(thing.name) ?? [];
      const concerned = rules.filter((rule) => rule.concerns(subject.client));
      return judge(concerned, { ...call, address: subject.address });
    },
    grants: toGrants(config),
  };
}

function couldAllow(kind: KindReach | undefined, client: string): boolean {
  if (kind === undefined || kind.exposed?.entries.length === 0) return false;
  const patterns = kind.allowed.get(client)?.entries ?? [];
  return patterns.some((pattern) => !isCovered(kind, client, pattern.glob));
}

function decide(kind: KindReach | undefined, subject: Subject, thing: Thing): Decision {
  if (kind === undefined) return no(`There is no upstream "${thing.upstream}"`);
  if (kind.exposed && kind.exposed.find(thing.name).length === 0) {
    return no(`Upstream "${thing.upstream}" does not expose it`);
  }
  if (thing.kind === "resource" && !isNormalUri(thing.name)) {
    return no("The URI is not in normal form");
  }
  const allowedBy = kind.allowed.get(subject.client)?.find(thing.name)[0];
  if (allowedBy === undefined) return no(`No allow pattern of client "${subject.client}" names it`);
  const rules = kind.hidden.find(thing.name).filter((rule) => rule.concerns(subject.client));
  const first = inOrder(rules)[0];
  return first ? no(first.why) : { allowed: true, allowedBy };
}

/** A rule that denies beats one that failed; all of them are named. */
function judge(rules: readonly Rule[], facts: Parameters<Rule["applies"]>[0]): Judgement {
  const hits: Rule[] = [];
  let denied: string | undefined;
  let failed: string | undefined;
  for (const rule of inOrder(rules)) {
    const outcome = rule.applies(facts);
    if (outcome === false) continue;
    hits.push(rule);
    if (outcome === true) denied ??= rule.why;
    else failed ??= `Rule "${rule.name}" cannot be decided: ${outcome.failed}`;
  }
  const named = hits.map((rule) => rule.hit);
  if (denied !== undefined) {
    return { verdict: "deny", code: "RULE_DENIED", why: denied, rules: named };
  }
  if (failed !== undefined) {
    return { verdict: "deny", code: "RULE_FAILED", why: failed, rules: named };
  }
  return { verdict: "pass", rules: [] };
}

/** In the order of the config, each once, whichever of its patterns matched. */
function inOrder(rules: readonly Rule[]): readonly Rule[] {
  if (rules.length < 2) return rules;
  return [...new Set(rules)].sort((a, b) => a.place - b.place);
}

function no(why: string): Decision {
  return { allowed: false, why };
}
