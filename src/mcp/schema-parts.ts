/** The keywords of JSON Schema that apply subschemas to the parts of objects and arrays. */
import { assertions, ownPerStep } from "./schema-assert.ts";
import { SchemaError } from "./schema-collect.ts";
import { valueAt } from "./schema-equal.ts";
import { type Dialect, isNames, isRecord } from "./schema-keywords.ts";
import { type Check, type Held, type Rule, type Workshop, meet } from "./schema-rule.ts";
import type { SchemaPattern } from "./schema-walk.ts";

export function objectChecks(
  held: Held,
  value: Readonly<Record<string, unknown>>,
  { dialect, toPattern }: Workshop,
): Check[] {
  const checks: Check[] = [];
  const dependencies = value["dependencies"];
  if (dialect === "draft-07" && isRecord(dependencies)) checks.push(...namedBeside(dependencies));
  const names = held.one("propertyNames");
  if (names !== undefined) checks.push(propertyNames(names));
  const properties = held.map("properties");
  const patterns = Array.from(
    held.map("patternProperties"),
    ([source, rule]) => [toPattern(source), rule] as const,
  );
  const additional = held.one("additionalProperties");
  if (properties.size > 0) checks.push(declaredProperties(properties));
  if (patterns.length > 0 || additional !== undefined) {
    checks.push(otherProperties(properties, patterns, additional));
  }
  return checks;
}

/** Draft-07's `dependencies` may hold names where others hold a schema. */
function namedBeside(dependencies: Readonly<Record<string, unknown>>): Check[] {
  const named = Object.entries(dependencies).filter(([, names]) => Array.isArray(names));
  if (!named.every(([, names]) => isNames(names))) {
    throw new SchemaError('Has a wrong "dependencies"');
  }
  const create = assertions.get("dependentRequired")!;
  return [create(Object.fromEntries(named) as never)];
}

function propertyNames(rule: Rule): Check {
  return (value, walk) => {
    if (!isRecord(value)) return true;
    const fits = Object.keys(value).every((key) => walk.quietly(() => meet(rule, key, walk)));
    return fits || walk.fail("must not have a property of that name");
  };
}

function declaredProperties(properties: ReadonlyMap<string, Rule>): Check {
  return (value, walk, seen) => {
    if (!isRecord(value)) return true;
    walk.spend(properties.size / ownPerStep);
    let fits = true;
    for (const [key, rule] of properties) {
      if (!Object.hasOwn(value, key)) continue;
      seen?.keys.add(key);
      fits = walk.into(key, () => meet(rule, valueAt(value, key), walk)) && fits;
      if (!fits && walk.isDone()) break;
    }
    return fits;
  };
}

function otherProperties(
  properties: ReadonlyMap<string, Rule>,
  patterns: readonly (readonly [SchemaPattern, Rule])[],
  additional: Rule | undefined,
): Check {
  return (value, walk, seen) => {
    if (!isRecord(value)) return true;
    let fits = true;
    for (const key of Object.keys(value)) {
      walk.spend(1 + patterns.length);
      const rules = patterns
        .filter(([pattern]) => walk.matches(pattern, key))
        .map(([, rule]) => rule);
      if (rules.length === 0 && additional !== undefined && !properties.has(key)) {
        rules.push(additional);
      }
      if (rules.length > 0) seen?.keys.add(key);
      for (const rule of rules) {
        fits = walk.into(key, () => meet(rule, valueAt(value, key), walk)) && fits;
      }
      if (!fits && walk.isDone()) break;
    }
    return fits;
  };
}

export function arrayChecks(
  held: Held,
  value: Readonly<Record<string, unknown>>,
  dialect: Dialect,
): Check[] {
  const checks: Check[] = [];
  const first = held.list(dialect === "draft-07" ? "items" : "prefixItems");
  const isTuple = dialect === "draft-07" && Array.isArray(value["items"]);
  const rest = held.one(isTuple ? "additionalItems" : "items");
  if (first.length > 0 || rest !== undefined) checks.push(arrayItems(first, rest));
  const contains = held.one("contains");
  if (contains !== undefined) {
    const { minContains, maxContains } = dialect === "draft-07" ? {} : value;
    checks.push(containsItems(contains, Number(minContains ?? 1), Number(maxContains ?? Infinity)));
  }
  return checks;
}

function arrayItems(first: readonly Rule[], rest: Rule | undefined): Check {
  return (value, walk, seen) => {
    if (!Array.isArray(value)) return true;
    const count = rest === undefined ? Math.min(first.length, value.length) : value.length;
    if (seen !== undefined) seen.firstItems = Math.max(seen.firstItems, count);
    let fits = true;
    for (let index = 0; index < count; index++) {
      const rule = first[index] ?? rest!;
      fits = walk.into(index, () => meet(rule, value[index], walk)) && fits;
      if (!fits && walk.isDone()) break;
    }
    return fits;
  };
}

function containsItems(rule: Rule, min: number, max: number): Check {
  return (value, walk, seen) => {
    if (!Array.isArray(value)) return true;
    let count = 0;
    for (const [index, item] of value.entries()) {
      if (!walk.quietly(() => meet(rule, item, walk))) continue;
      seen?.items.add(index);
      count++;
    }
    if (count < min) return walk.fail(`must contain at least ${min} items of the kind asked for`);
    return count <= max || walk.fail(`must contain at most ${max} items of the kind asked for`);
  };
}

/** What no other keyword of the subschema has looked at; runs last. */
export function unseenChecks(held: Held): Check[] {
  const checks: Check[] = [];
  const properties = held.one("unevaluatedProperties");
  if (properties !== undefined) checks.push(unseenProperties(properties));
  const items = held.one("unevaluatedItems");
  if (items !== undefined) checks.push(unseenItems(items));
  return checks;
}

function unseenProperties(rule: Rule): Check {
  return (value, walk, seen) => {
    if (!isRecord(value) || seen === undefined) return true;
    let fits = true;
    for (const key of Object.keys(value)) {
      walk.spend(1);
      if (seen.keys.has(key)) continue;
      seen.keys.add(key);
      fits = walk.into(key, () => meet(rule, valueAt(value, key), walk)) && fits;
      if (!fits && walk.isDone()) break;
    }
    return fits;
  };
}

function unseenItems(rule: Rule): Check {
  return (value, walk, seen) => {
    if (!Array.isArray(value) || seen === undefined) return true;
    let fits = true;
    for (let index = seen.firstItems; index < value.length; index++) {
      walk.spend(1);
      if (seen.items.has(index)) continue;
      fits = walk.into(index, () => meet(rule, value[index], walk)) && fits;
      if (!fits && walk.isDone()) break;
    }
    if (fits) seen.firstItems = value.length;
    return fits;
  };
}
