/** A condition of a rule: tests that must all hold. */
import type { ConditionConfig, WhenFacts } from "../config/index.ts";
import type { Json } from "../mcp/index.ts";
import { type Outcome, compileLeaf } from "./leaf.ts";
import { compileLookup } from "./pointer.ts";

/** What conditions look at. */
export interface Facts {
  readonly args: Json | undefined;
  readonly annotations: Json | undefined;
  readonly address: string | undefined;
  /** All of it as functions see it; failed where JavaScript cannot hold it. */
  readonly whole: () => WhenFacts | { readonly failed: string };
}
export type Condition = (facts: Facts) => Outcome;

/**
 * Compiles a condition; undefined where it tests nothing. Such a one would hold for everything,
 * and an `unless` that was left empty would take its rule out of force.
 */
export function compileCondition(config: ConditionConfig | undefined): Condition | undefined {
  const tests: Condition[] = [];
  for (const part of ["args", "annotations"] as const) {
    for (const [key, test] of Object.entries(config?.[part] ?? {})) {
      const lookup = compileLookup(key);
      const leaf = compileLeaf(test);
      const what = `${part} ${JSON.stringify(key)}`;
      tests.push((facts) => {
        const looked = lookup(facts[part]);
        return named(what, looked && "failed" in looked ? looked : leaf(looked));
      });
    }
  }
  if (config?.address !== undefined) {
    const leaf = compileLeaf(config.address);
    tests.push((facts) => named("address", leaf(toJsonString(facts.address))));
  }
  return tests.length === 0 ? undefined : (facts) => every(tests, facts);
}

/** One test that does not hold decides, whatever the others could not read. */
function every(tests: readonly Condition[], facts: Facts): Outcome {
  let failed: Outcome = true;
  for (const test of tests) {
    const outcome = test(facts);
    if (outcome === false) return false;
    if (outcome !== true && failed === true) failed = outcome;
  }
  return failed;
}

function named(what: string, outcome: Outcome): Outcome {
  return typeof outcome === "boolean" ? outcome : { failed: `${what}: ${outcome.failed}` };
}

function toJsonString(text: string | undefined): Json | undefined {
  if (text === undefined) return undefined;
  const source = JSON.stringify(text);
  return { source, node: { type: "string", start: 0, end: source.length, value: text } };
}
