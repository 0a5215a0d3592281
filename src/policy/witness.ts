/** Hears of the steps of a decision, where somebody wants to know how it came about. */
import type { Block, RuleHit } from "../core/index.ts";
import type { Grant } from "./reach.ts";
import type { Rule } from "./rule.ts";

/** `"other-caller"`: it is for other clients or roles; `"expired"`: its last day has passed. */
export type RuleAnswer = "applies" | "does-not-apply" | "failed" | "other-caller" | "expired";

/** Those who decide tell it what they find, and never ask it. */
export interface Witness {
  readonly block: (block: Block) => void;
  readonly grants: (grants: readonly Grant[]) => void;
  readonly rule: (rule: Rule, hit: RuleHit, answer: RuleAnswer, because?: string) => void;
}
