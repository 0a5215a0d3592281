import { expect, test } from "vitest";
import type { RuleHit } from "../../src/core/index.ts";
import { type Facts, type Outcome, toEntry } from "../../src/stages/record.ts";

function rulesOf(
  shaped: readonly RuleHit[] | undefined,
  judged: readonly RuleHit[] | undefined,
  refused?: readonly RuleHit[],
) {
  const facts = {
    headers: new Headers(),
    ...(shaped && { shaped: { rules: shaped } }),
    ...(judged && { judgement: { rules: judged } }),
  } as unknown as Facts;
  const outcome: Outcome = {
    decision: "allowed",
    stage: "respond",
    rules: refused,
    status: 200,
    ms: 0,
    bytesOut: 0,
  };
  return toEntry(facts, outcome, undefined).rules;
}
// oxlint-disable-next-line unicorn/no-thenable -- the record's word for what a rule does
const hit = (name: string, then: RuleHit["then"]): RuleHit => ({ name, then, mode: "enforce" });
const [set, rate, ask] = [hit("r", "set"), hit("r", "rate"), hit("r", "ask")];
const other = hit("other", "deny");

test.each([
  ["nothing where no rule was asked", undefined, undefined, undefined, undefined],
  [
    "what set arguments, where the call was refused before it was judged",
    [set],
    undefined,
    undefined,
    [set],
  ],
  ["what was asked at the call", [], [rate], undefined, [rate]],
  ["both, in this order", [set], [other], undefined, [set, other]],
  ["a rule once that sets and counts", [set], [rate, other], undefined, [set, other]],
  ["a rule once that sets and asks a person, as the latter", [set], [ask], undefined, [ask]],
  ["what set arguments, beside what refused", [set], undefined, [other], [set, other]],
])("a record names %s", (_, shaped, judged, refused, due) => {
  expect(rulesOf(shaped, judged, refused)).toEqual(due);
});
