/** What rules say of exactly what will be sent. */
import type { Adjustment, ApprovalDemand, RuleHit } from "../core/index.ts";
import { noAdjustment, toAdjustment } from "./adjust.ts";
import type { Facts } from "./condition.ts";
import { toDemand } from "./demand.ts";
import type { Outcome } from "./leaf.ts";
import type { Rule } from "./rule.ts";
import type { Caller } from "./subject.ts";
import type { Witness } from "./witness.ts";

export type Judgement =
  | {
      readonly verdict: "pass";
      readonly rules: readonly RuleHit[];
      readonly adjust: Adjustment;
    }
  | {
      readonly verdict: "ask";
      readonly rules: readonly RuleHit[];
      readonly adjust: Adjustment;
      readonly ask: ApprovalDemand;
    }
  | {
      readonly verdict: "deny";
      readonly code: "RULE_DENIED" | "RULE_FAILED";
      readonly why: string;
      readonly rules: readonly RuleHit[];
    };

/** A rule that denies beats one that failed, and that one that asks; all that matched are named. */
export function judge(
  rules: readonly Rule[],
  caller: Caller,
  facts: Facts,
  witness?: Witness,
): Judgement {
  const hits: RuleHit[] = [];
  const applied: Rule[] = [];
  let denied: string | undefined;
  let failed: string | undefined;
  for (const rule of rules) {
    const { hit } = rule;
    const outcome = rule.applies(facts);
    if (witness && hit) tell(witness, rule, hit, outcome);
    if (outcome === false || hit === undefined) continue;
    hits.push(hit);
    if (!rule.enforced) continue;
    if (outcome !== true) failed ??= `Rule "${rule.name}" cannot be decided: ${outcome.failed}`;
    else if (rule.denies) denied ??= rule.refusal;
    else applied.push(rule);
  }
  if (denied !== undefined) {
    return { verdict: "deny", code: "RULE_DENIED", why: denied, rules: hits };
  }
  if (failed !== undefined) {
    return { verdict: "deny", code: "RULE_FAILED", why: failed, rules: hits };
  }
  const adjust = toAdjustment(applied, caller);
  const ask = toDemand(applied);
  return ask === undefined
    ? { verdict: "pass", rules: hits, adjust }
    : { verdict: "ask", rules: hits, adjust, ask };
}

/** Where there is no rule to ask. */
export const unasked: Judgement = { verdict: "pass", rules: [], adjust: noAdjustment };

export function tell(witness: Witness, rule: Rule, hit: RuleHit, outcome: Outcome): void {
  if (typeof outcome === "boolean") {
    witness.rule(rule, hit, outcome ? "applies" : "does-not-apply");
  } else witness.rule(rule, hit, "failed", outcome.failed);
}
