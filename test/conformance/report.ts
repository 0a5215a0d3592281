/** Prints what the suite found in one run, and says whether the run is taken. */
import type { Exemption, Setting } from "./exempt.ts";
import type { Check, Revision, Scenario } from "./suite.ts";

export interface Run {
  readonly title: string;
  readonly scenarios: readonly Scenario[];
  readonly exemptions: readonly Exemption[];
}

export const exemptionsOf = (
  all: readonly Exemption[],
  setting: Setting,
  revision: Revision,
): readonly Exemption[] =>
  all.filter((each) => each.setting === setting && each.revision === revision);

/** False when a scored check fails that is not exempt, or an exempt one does not fail any more. */
export function report({ title, scenarios, exemptions }: Run): boolean {
  console.log(`\n== ${title}`);
  let isTaken = true;
  const used = new Set<Exemption>();
  for (const { name, isScored, checks } of scenarios) {
    // A warning is a SHOULD that the test server keeps, so the gateway has broken it.
    const failed = checks.filter(({ status }) => status === "FAILURE" || status === "WARNING");
    const excuse = ({ id }: Check) =>
      exemptions.find((each) => each.scenario === name && each.check === id);
    const unexcused = failed.filter((check) => {
      const exemption = excuse(check);
      if (exemption) used.add(exemption);
      return exemption === undefined;
    });
    const isRed = isScored && unexcused.length > 0;
    isTaken &&= !isRed;
    const passed = checks.filter(({ status }) => status === "SUCCESS").length;
    const verdict = isRed ? "RED  " : failed.length > 0 ? "known" : "green";
    const note = isScored ? "" : " (not scored)";
    console.log(`${verdict} ${name}${note}: ${passed} passed, ${failed.length} failed`);
    if (!isScored) continue;
    for (const { id, errorMessage, description } of unexcused) {
      console.log(`        ${id}: ${(errorMessage ?? description ?? "").slice(0, 300)}`);
    }
  }
  for (const { scenario, check } of exemptions.filter((each) => !used.has(each))) {
    isTaken = false;
    console.log(`RED   ${scenario} is exempt from "${check}", which does not fail`);
  }
  return isTaken;
}
