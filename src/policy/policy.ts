/** The one evaluator: what a client may see and use, asked the same way by every method (law 4). */
import type { Config } from "../config/index.ts";
import {
  type Block,
  type InnerCode,
  type Ports,
  type RuleHit,
  isNormalUri,
  templateToGlob,
} from "../core/index.ts";
import type { InputKind, Json, TargetKind } from "../mcp/index.ts";
import { toGrants } from "./grants.ts";
import { type KindReach, type UpstreamReach, createReach } from "./reach.ts";
import { type Rule, compileRule } from "./rule.ts";
import { isCovered, maxTemplateLength, showsTemplate } from "./template.ts";

/** A client of the config, and who stands behind it, where its credential says. */
export interface Caller {
  readonly client: string;
  readonly subject: string | undefined;
}
export interface Subject extends Caller {
  readonly address: string | undefined;
}
/** `name` is the upstream's own name, or URI, exactly as it will be sent. */
export interface Thing {
  readonly kind: TargetKind;
  readonly upstream: string;
  readonly name: string;
}
/**
 * The block that takes a thing from a caller; without a thing, one that takes everything. A glob as
 * the thing's name asks for a block that takes all that it matches.
 */
export type Blocked = (caller: Caller, thing?: Thing) => Block | undefined;
export type Decision =
  | { readonly allowed: true; readonly allowedBy: string }
  | {
      readonly allowed: false;
      readonly why: string;
      /** For the record: outside all of them look unknown. */
      readonly recorded: Extract<InnerCode, "POLICY_DENIED" | "BLOCKED">;
    };
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
  readonly reaches: (caller: Caller, upstream: string) => boolean;
  /** The block without which the client would reach the upstream, for the record. */
  readonly whyCutOff: (caller: Caller, upstream: string) => string | undefined;
  /**
   * Whether a thing exists for a client: what no block names, its upstream exposes, an allow pattern
   * names and no rule without conditions denies. Names are compared exactly, never folded or normalized.
   */
  readonly decide: (subject: Subject, thing: Thing) => Decision;
  /** Whether some URI that the template expands to could be allowed; `allowedBy` is the template. */
  readonly decideTemplate: (subject: Subject, upstream: string, uriTemplate: string) => Decision;
  /** Whether `decideTemplate` allows it. */
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

/**
 * Everything of the config is compiled and indexed by upstream here, so that a decision costs
 * microseconds. `blocked` is asked each time, so that a block is in force at once.
 */
export function createPolicy(
  config: Config,
  _ports: Pick<Ports, "clock">,
  blocked: Blocked,
): Policy {
  const reach = createReach(config, config.rules.map(compileRule));
  const ways = new Map<UpstreamReach, Map<string, readonly Thing[]>>();
  /** What could be allowed but for blocks; worked out once, for every exchange asks. */
  const waysTo = (client: string, upstream: string): readonly Thing[] => {
    const reached = reach.get(upstream);
    if (reached === undefined) return [];
    const known = ways.get(reached) ?? new Map<string, readonly Thing[]>();
    ways.set(reached, known);
    const found = known.get(client) ?? toWays(reached, client, upstream);
    known.set(client, found);
    return found;
  };
  const decideTemplate: Policy["decideTemplate"] = (subject, upstream, uriTemplate) => {
    const resources = reach.get(upstream)?.resource;
    if (resources === undefined) return no(`There is no upstream "${upstream}"`);
    const { client } = subject;
    const toBlock = (name: string): Block | undefined =>
      blocked(subject, { kind: "resource", upstream, name });
    const block =
      uriTemplate.length > maxTemplateLength ? undefined : toBlock(templateToGlob(uriTemplate));
    if (block !== undefined) return toBlockedDecision(block);
    const isTaken = (glob: string): boolean =>
      isCovered(resources, client, glob) || toBlock(glob) !== undefined;
    return showsTemplate(resources, client, uriTemplate, isTaken)
      ? { allowed: true, allowedBy: uriTemplate }
      : no("No pattern reaches the template");
  };
  return {
    reaches: (caller, upstream) =>
      waysTo(caller.client, upstream).some((way) => blocked(caller, way) === undefined),
    whyCutOff: (caller, upstream) => {
      const blocks = waysTo(caller.client, upstream).map((way) => blocked(caller, way));
      const [first] = blocks;
      return first === undefined || blocks.includes(undefined) ? undefined : toWhy(first);
    },
    decide: (subject, thing) => {
      const block = blocked(subject, thing);
      return block
        ? toBlockedDecision(block)
        : decide(reach.get(thing.upstream)?.[thing.kind], subject, thing);
    },
    decideTemplate,
    showsTemplate: (...asked) => decideTemplate(...asked).allowed,
    judge: (subject, thing, call) => {
      const rules = reach.get(thing.upstream)?.[thing.kind].asked.find(thing.name) ?? [];
      const concerned = rules.filter((rule) => rule.concerns(subject.client));
      return judge(concerned, { ...call, address: subject.address });
    },
    grants: toGrants(config),
  };
}

function toWays(reached: UpstreamReach, client: string, upstream: string): readonly Thing[] {
  return kinds.flatMap((kind) =>
    openGlobs(reached[kind], client).map((name) => ({ kind, upstream, name })),
  );
}

/** The allow patterns that name something which could be allowed. */
function openGlobs(kind: KindReach, client: string): readonly string[] {
  if (kind.exposed?.entries.length === 0) return [];
  const globs = kind.allowed.get(client)?.entries.map(({ glob }) => glob) ?? [];
  return globs.filter((glob) => !isCovered(kind, client, glob));
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
  return { allowed: false, why, recorded: "POLICY_DENIED" };
}

function toBlockedDecision(block: Block): Decision {
  return { allowed: false, why: toWhy(block), recorded: "BLOCKED" };
}

function toWhy({ id, why }: Block): string {
  return `Block "${id}": ${why}`;
}
