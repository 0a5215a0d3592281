/** The keywords of JSON Schema that look at a value without descending into it. */
import { areUnique, countValues, isEqual, isMultiple } from "./schema-equal.ts";
import { isRecord } from "./schema-keywords.ts";
import type { Walk } from "./schema-walk.ts";

/** Looks for a key of an object that one step pays for. */
export const ownPerStep = 4;

export type Assertion = (value: unknown, walk: Walk) => boolean;

/** Makes the check of one keyword; its value has the shape that `schema-keywords.ts` asks for. */
type CreateAssertion = (keyword: never) => Assertion;

const onNumber =
  (words: (limit: number) => string, fits: (value: number, limit: number) => boolean) =>
  (limit: number): Assertion =>
  (value, walk) =>
    typeof value !== "number" || fits(value, limit) || walk.fail(words(limit));

const onArray =
  (words: (limit: number) => string, fits: (count: number, limit: number) => boolean) =>
  (limit: number): Assertion =>
  (value, walk) =>
    !Array.isArray(value) || fits(value.length, limit) || walk.fail(words(limit));

const onObject =
  (words: (limit: number) => string, fits: (count: number, limit: number) => boolean) =>
  (limit: number): Assertion =>
  (value, walk) => {
    if (!isRecord(value)) return true;
    const count = Object.keys(value).length;
    walk.spend(count);
    return fits(count, limit) || walk.fail(words(limit));
  };

const atLeast = (value: number, limit: number): boolean => value >= limit;
const atMost = (value: number, limit: number): boolean => value <= limit;

/** In the order in which they are tried: the cheap ones that fail most often first. */
export const assertions: ReadonlyMap<string, CreateAssertion> = new Map<string, CreateAssertion>([
  ["type", createType],
  ["const", createConst],
  ["enum", createEnum],
  ["minimum", onNumber((limit) => `must be at least ${limit}`, atLeast)],
  ["maximum", onNumber((limit) => `must be at most ${limit}`, atMost)],
  [
    "exclusiveMinimum",
    onNumber(
      (limit) => `must be more than ${limit}`,
      (a, b) => a > b,
    ),
  ],
  [
    "exclusiveMaximum",
    onNumber(
      (limit) => `must be less than ${limit}`,
      (a, b) => a < b,
    ),
  ],
  ["multipleOf", onNumber((step) => `must be a multiple of ${step}`, isMultiple)],
  ["minLength", createMinLength],
  ["maxLength", createMaxLength],
  ["minItems", onArray((limit) => `must have at least ${limit} items`, atLeast)],
  ["maxItems", onArray((limit) => `must have at most ${limit} items`, atMost)],
  ["uniqueItems", createUniqueItems],
  ["minProperties", onObject((limit) => `must have at least ${limit} properties`, atLeast)],
  ["maxProperties", onObject((limit) => `must have at most ${limit} properties`, atMost)],
  ["required", createRequired],
  ["dependentRequired", createDependentRequired],
]);

const typeTests: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["string", (value: unknown) => typeof value === "string"],
  ["boolean", (value: unknown) => typeof value === "boolean"],
  ["null", (value: unknown) => value === null],
  ["array", (value: unknown) => Array.isArray(value)],
  ["object", isRecord],
  // 1e999 is read as infinity: what cannot be held cannot be judged, and does not fit.
  ["number", (value: unknown) => Number.isFinite(value)],
  ["integer", (value: unknown) => Number.isInteger(value)],
]);

function createType(type: string | readonly string[]): Assertion {
  const names = typeof type === "string" ? [type] : type;
  const tests = names.map((name) => typeTests.get(name)!);
  const message = `must be ${names.join(" or ")}`;
  return (value, walk) => tests.some((test) => test(value)) || walk.fail(message);
}

function createConst(constant: unknown): Assertion {
  const cost = countValues(constant);
  const message = `must be ${JSON.stringify(constant)}`;
  return (value, walk) => {
    walk.spend(cost);
    return isEqual(constant, value) || walk.fail(message);
  };
}

function createEnum(allowed: readonly unknown[]): Assertion {
  const isScalar = (value: unknown): boolean => typeof value !== "object" || value === null;
  const scalars = new Set(allowed.filter(isScalar));
  const others = allowed.filter((each) => !isScalar(each));
  const cost = countValues(others);
  const list = allowed.map((each) => JSON.stringify(each)).join(", ");
  const message = `must be one of ${list}`;
  return (value, walk) => {
    if (isScalar(value)) return scalars.has(value) || walk.fail(message);
    walk.spend(cost);
    return others.some((each) => isEqual(each, value)) || walk.fail(message);
  };
}

function createMinLength(limit: number): Assertion {
  return (value, walk) => {
    if (typeof value !== "string" || value.length >= 2 * limit) return true;
    const fits = value.length >= limit && countCharacters(value, walk) >= limit;
    return fits || walk.fail(`must have at least ${limit} characters`);
  };
}

function createMaxLength(limit: number): Assertion {
  return (value, walk) => {
    if (typeof value !== "string" || value.length <= limit) return true;
    const fits = value.length <= 2 * limit && countCharacters(value, walk) <= limit;
    return fits || walk.fail(`must have at most ${limit} characters`);
  };
}

/** A length counts code points, as RFC 8259 does. */
function countCharacters(text: string, walk: Walk): number {
  walk.spend(text.length / 8);
  let count = text.length;
  for (let at = 0; at < text.length - 1; at++) {
    if (text.codePointAt(at)! > 0xffff) {
      count--;
      at++;
    }
  }
  return count;
}

function createUniqueItems(unique: boolean): Assertion {
  return (value, walk) => {
    if (!unique || !Array.isArray(value)) return true;
    const spend = (characters: number): void => walk.spend(12 + characters / 2);
    return areUnique(value, spend) || walk.fail("must not have equal items");
  };
}

function createRequired(names: readonly string[]): Assertion {
  const required = names.map((name) => [name, `must have the property ${quote(name)}`] as const);
  return (value, walk) => !isRecord(value) || hasAll(value, required, walk);
}

function createDependentRequired(rules: Readonly<Record<string, readonly string[]>>): Assertion {
  const entries = Object.entries(rules).map(([key, names]) => {
    const beside = names.map(
      (name) => [name, `must have the property ${quote(name)} beside ${quote(key)}`] as const,
    );
    return [key, beside] as const;
  });
  return (value, walk) => {
    if (!isRecord(value)) return true;
    walk.spend(entries.length);
    let fits = true;
    for (const [key, required] of entries) {
      fits = (!Object.hasOwn(value, key) || hasAll(value, required, walk)) && fits;
    }
    return fits;
  };
}

/** Each name with the fault to note where it is missing. */
type Required = readonly (readonly [name: string, fault: string])[];

function hasAll(value: object, required: Required, walk: Walk): boolean {
  walk.spend(required.length / ownPerStep);
  let fits = true;
  for (const [name, fault] of required) {
    if (Object.hasOwn(value, name)) continue;
    fits = walk.fail(fault);
    if (walk.isDone()) break;
  }
  return fits;
}

/** Names come from outside, up to 64 KiB long. */
function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
