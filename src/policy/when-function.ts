/** A function of the operator's own that says whether a rule applies. */
import type { WhenFacts, WhenFunction } from "../config/index.ts";
import type { Ports } from "../core/index.ts";
import type { Condition } from "./condition.ts";
import type { Outcome } from "./leaf.ts";

export type FunctionPorts = Pick<Ports, "clock" | "log">;

const slowMs = 100;

/** Nothing can end a function that runs long: it is logged, and its answer counts. */
export function compileFunction(
  rule: string,
  when: WhenFunction,
  { clock, log }: FunctionPorts,
): Condition {
  return (facts) => {
    const known = facts.whole();
    if ("failed" in known) return known;
    const start = clock.elapsed();
    const outcome = ask(when, known);
    const ms = clock.elapsed() - start;
    if (ms > slowMs) log.warn("The function of a rule is slow", { rule, ms: Math.round(ms) });
    return outcome;
  };
}

/** What it threw may quote the arguments, and is not repeated. */
function ask(when: (facts: WhenFacts) => unknown, facts: WhenFacts): Outcome {
  try {
    const answer = when(facts);
    if (typeof answer === "boolean") return answer;
    if (!(answer instanceof Promise)) return { failed: `its function answered ${kindOf(answer)}` };
    // One that is rejected later, with nobody listening, would end the process.
    answer.catch(() => undefined);
    return { failed: "its function answered a promise" };
  } catch (error) {
    return { failed: `its function threw ${error instanceof Error ? nameOf(error) : "a value"}` };
  }
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

const errorNames = new Set(["TypeError", "RangeError", "ReferenceError", "SyntaxError"]);

function nameOf({ name }: Error): string {
  return errorNames.has(name) ? `a ${name}` : "an error";
}
