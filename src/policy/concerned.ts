/** The rules that speak of a thing and of who asks for it. */
import type { RuleHit } from "../core/index.ts";
import type { NameIndex } from "./name-index.ts";
import type { Rule } from "./rule.ts";
import type { Witness } from "./witness.ts";

/** In the order of the config; the witness hears of those that are for other callers. */
export function concerned(
  index: NameIndex<Rule> | undefined,
  client: string,
  name: string,
  toHit: (rule: Rule) => RuleHit | undefined,
  witness: Witness | undefined,
): readonly Rule[] {
  const found = index?.find(name) ?? none;
  if (found.length === 0) return none;
  return found.filter((rule) => {
    if (rule.callers === undefined || rule.callers.has(client)) return true;
    const hit = witness && toHit(rule);
    if (hit) witness.rule(rule, hit, "other-caller");
    return false;
  });
}

const none: readonly Rule[] = [];
