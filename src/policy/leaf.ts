/** One test of a condition, on one value of what will be sent. */
import type { TestConfig } from "../config/index.ts";
import { compileGlob, compileLinear } from "../core/index.ts";
import { type Json, exactNumber, stringOf } from "../mcp/index.ts";

/** A test that could not be decided says why; the rule it belongs to then denies (law 3). */
export type Outcome = boolean | { readonly failed: string };
/** Undefined is an absent value, which passes no test. */
export type Leaf = (value: Json | undefined) => Outcome;

/** No honest number is spelt longer, and comparing spellings may cost the square of their length. */
const maxNumberLength = 400;

type Scalar = string | number | boolean | null;

/**
 * Compiles a test: a scalar equals, a list holds an equal one, `{ glob }` and `{ maxLength }` (in
 * Unicode code points, as JSON Schema counts) look at strings, `{ matches }` finds its pattern
 * anywhere in a string, `{ min, max }` includes both ends. A value of another type passes none.
 *
 * A number that JavaScript would round is not compared: the server could read another one than
 * the rule did (law 1).
 */
export function compileLeaf(test: TestConfig): Leaf {
  if (test === null || typeof test !== "object") return equalsOneOf([test]);
  if (Array.isArray(test)) return equalsOneOf(test);
  if ("glob" in test) return onString(compileGlob(test.glob));
  if ("matches" in test) return matches(test.matches);
  if ("maxLength" in test) return onString((text) => isWithinLength(text, test.maxLength));
  const { min = -Infinity, max = Infinity } = test;
  return onNumber((value) => value >= min && value <= max);
}

function equalsOneOf(wanted: readonly Scalar[]): Leaf {
  const scalars = new Set(wanted);
  const equalsNumber = wanted.some((each) => typeof each === "number")
    ? onNumber((value) => scalars.has(value))
    : () => false;
  return (value) => {
    if (value === undefined) return false;
    const { node } = value;
    if (node.type === "string") return scalars.has(node.value);
    if (node.type === "number") return equalsNumber(value);
    if (node.type === "null") return scalars.has(null);
    return (node.type === "true" || node.type === "false") && scalars.has(node.type === "true");
  };
}

function onString(passes: (text: string) => Outcome): Leaf {
  return (value) => {
    const text = stringOf(value);
    return text !== undefined && passes(text);
  };
}

function onNumber(passes: (value: number) => boolean): Leaf {
  return (json) => {
    if (json?.node.type !== "number") return false;
    const spelt = json.node.end - json.node.start;
    const value = spelt > maxNumberLength ? undefined : exactNumber(json);
    return value === undefined ? { failed: "the number cannot be held exactly" } : passes(value);
  };
}

function matches(source: string): Leaf {
  const pattern = compileLinear(source);
  if (pattern === undefined) return () => ({ failed: "its pattern cannot be used" });
  return onString((text) => {
    try {
      return pattern.test(text);
    } catch (error) {
      return { failed: error instanceof Error ? error.message : "its pattern gave up" };
    }
  });
}

/** A string has at most as many code points as units and at least half as many: few are counted. */
function isWithinLength(text: string, maxLength: number): boolean {
  if (text.length <= maxLength) return true;
  if (text.length > 2 * maxLength) return false;
  return Array.from(text).length <= maxLength;
}
