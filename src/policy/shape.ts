/** What rules make of a tool's arguments. */
import type { RuleHit } from "../core/index.ts";
import { type Json, isObject, member } from "../mcp/index.ts";
import type { Facts } from "./condition.ts";
import { tell } from "./judge.ts";
import type { Rule } from "./rule.ts";
import type { SetValue } from "./set-value.ts";
import type { Witness } from "./witness.ts";

export type Shaping =
  | {
      readonly kind: "shaped";
      /** The arguments to send in place of, or beside, the caller's: JSON texts by name. */
      readonly set: ReadonlyMap<string, string>;
      /** Those of them that are no defaults: nobody else can give them another value. */
      readonly pinned: ReadonlyMap<string, string>;
      readonly rules: readonly RuleHit[];
    }
  | {
      readonly kind: "deny";
      readonly code: "RULE_CONFLICT" | "RULE_FAILED";
      readonly why: string;
      readonly rules: readonly RuleHit[];
    };

/** `facts` are the arguments as the client sent them. */
export function shape(rules: readonly Rule[], facts: Facts, witness?: Witness): Shaping {
  const hits: RuleHit[] = [];
  const applied: Rule[] = [];
  let failed: string | undefined;
  for (const rule of rules) {
    const outcome = rule.applies(facts);
    if (witness) tell(witness, rule, rule.setHit, outcome);
    if (outcome === false) continue;
    hits.push(rule.setHit);
    if (!rule.enforced) continue;
    if (outcome === true) applied.push(rule);
    else failed ??= `Rule "${rule.name}" cannot be decided: ${outcome.failed}`;
  }
  const settled = failed ?? settle(applied, facts.args);
  if (typeof settled === "string") {
    return { kind: "deny", code: "RULE_FAILED", why: settled, rules: hits };
  }
  if ("conflict" in settled) {
    return { kind: "deny", code: "RULE_CONFLICT", why: settled.conflict, rules: hits };
  }
  return { kind: "shaped", ...settled, rules: hits };
}

/** Where there is no rule to ask. */
export const unshaped: Shaping = {
  kind: "shaped",
  set: new Map(),
  pinned: new Map(),
  rules: [],
};

interface Settled {
  readonly set: ReadonlyMap<string, string>;
  readonly pinned: ReadonlyMap<string, string>;
}
interface Given {
  readonly value: SetValue;
  readonly by: Rule;
}

/** What is set beats what is only a default; a text says why it cannot be said which they are. */
function settle(
  rules: readonly Rule[],
  args: Json | undefined,
): string | Settled | { readonly conflict: string } {
  const given = new Map<string, Given>();
  for (const rule of rules) {
    const conflict = give(given, rule, rule.set);
    if (conflict !== undefined) return { conflict };
  }
  const isOpen = (name: string): boolean => !given.has(name) && member(args, name) === undefined;
  const defaults = new Map<string, Given>();
  for (const rule of rules) {
    const open = new Map([...rule.defaults].filter(([name]) => isOpen(name)));
    const conflict = give(defaults, rule, open);
    if (conflict !== undefined) return { conflict };
  }
  const all = new Map([...given, ...defaults]);
  for (const [name, { by, value }] of all) {
    if (!isObject(args) || !value.isDisguised(args)) continue;
    return `Rule "${by.name}" cannot be decided: an argument differs from "${name}" in case alone`;
  }
  return { set: toTexts(all), pinned: toTexts(given) };
}

function toTexts(given: ReadonlyMap<string, Given>): ReadonlyMap<string, string> {
  return new Map([...given].map(([name, { value }]) => [name, value.text]));
}

/** Says which two rules want different values of one argument. */
function give(
  given: Map<string, Given>,
  by: Rule,
  values: ReadonlyMap<string, SetValue>,
): string | undefined {
  for (const [name, value] of values) {
    const before = given.get(name);
    if (before === undefined) given.set(name, { value, by });
    else if (before.value.canonical !== value.canonical) {
      return `Rules "${before.by.name}" and "${by.name}" give "${name}" different values`;
    }
  }
  return undefined;
}

/** The arguments that enforced rules without conditions give, whatever the call says. */
export function settled(
  rules: readonly Rule[],
  of: (rule: Rule) => ReadonlyMap<string, SetValue>,
): ReadonlySet<string> {
  const sure = rules.filter(({ conditional, enforced }) => enforced && !conditional);
  return sure.length === 0 ? noNames : new Set(sure.flatMap((rule) => [...of(rule).keys()]));
}

const noNames: ReadonlySet<string> = new Set();
