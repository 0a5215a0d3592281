/** How a decision came about, told by those who make it. */
import type { Adjustment, ApprovalDemand, RuleHit } from "../core/index.ts";
import type { Json } from "../mcp/index.ts";
import type { Decision } from "./decide.ts";
import type { Judgement } from "./judge.ts";
import type { Rule } from "./rule.ts";
import { withArguments } from "./set-value.ts";
import type { Shaping } from "./shape.ts";
import type { RuleAnswer, Witness } from "./witness.ts";

export interface ExplainedRule extends RuleHit {
  readonly answer: RuleAnswer;
  /** Why it could not be decided. */
  readonly because?: string;
  /** What the config says of it. */
  readonly why?: string;
}
/** Plain data; the chain ends where the decision fell. */
export interface Explanation {
  readonly verdict: "allow" | "ask" | "deny";
  readonly code?: "POLICY_DENIED" | "BLOCKED" | "RULE_DENIED" | "RULE_FAILED" | "RULE_CONFLICT";
  readonly why?: string;
  /** The block that takes the thing away. */
  readonly block?: { readonly id: string; readonly why: string };
  /** Every allow pattern that names the thing, and whose it is; the first one counts. */
  readonly allows: readonly { readonly pattern: string; readonly role?: string }[];
  /** Every rule that names the thing, in the order in which they were asked. */
  readonly rules: readonly ExplainedRule[];
  /** The arguments that rules give: JSON texts by name. */
  readonly set: Readonly<Record<string, string>>;
  readonly adjust?: Adjustment;
  /** What a person is asked before the call is sent. */
  readonly ask?: ApprovalDemand;
}

/** The steps of a decision, each told whom to tell of it. */
export interface Steps {
  readonly args: Json | undefined;
  readonly decide: (witness: Witness) => Decision;
  readonly shape: (witness: Witness) => Shaping;
  readonly judge: (args: Json | undefined, witness: Witness) => Judgement;
  readonly expired: readonly Rule[];
}

export function explain(steps: Steps): Explanation {
  const allows: { pattern: string; role?: string }[] = [];
  const rules: ExplainedRule[] = [];
  let block: Explanation["block"];
  const witness: Witness = {
    block: ({ id, why }) => {
      block = { id, why };
    },
    grants: (grants) => {
      for (const { allowedBy: pattern, role } of grants) {
        allows.push(role === undefined ? { pattern } : { pattern, role });
      }
    },
    rule: ({ why }, hit, answer, because) => {
      rules.push({ ...hit, answer, ...(because && { because }), ...(why && { why }) });
    },
  };
  const ending = run(steps, witness);
  for (const rule of new Set(steps.expired)) {
    witness.rule(rule, rule.hit ?? rule.setHit, "expired");
  }
  return { allows, rules, set: {}, ...(block && { block }), ...ending };
}

type Ending = Pick<Explanation, "verdict" | "code" | "why" | "adjust" | "ask"> &
  Partial<Pick<Explanation, "set">>;

function run({ args, decide, shape, judge }: Steps, witness: Witness): Ending {
  const decision = decide(witness);
  if (!decision.allowed) return { verdict: "deny", code: decision.recorded, why: decision.why };
  const shaping = shape(witness);
  if (shaping.kind === "deny") return { verdict: "deny", code: shaping.code, why: shaping.why };
  const set = Object.fromEntries(shaping.set);
  const judgement = judge(withArguments(args, shaping.set), witness);
  switch (judgement.verdict) {
    case "pass":
      return { verdict: "allow", set, adjust: judgement.adjust };
    case "ask":
      return { verdict: "ask", set, adjust: judgement.adjust, ask: judgement.ask };
    case "deny":
      return { verdict: "deny", code: judgement.code, why: judgement.why, set };
  }
}
