/** Turns subschemas into rules; the keywords here apply subschemas to the value itself. */
import { assertions } from "./schema-assert.ts";
import type { Subschema } from "./schema-collect.ts";
import { type Dialect, isRecord } from "./schema-keywords.ts";
import { arrayChecks, objectChecks, unseenChecks } from "./schema-parts.ts";
import { type Check, type Held, type Rule, type Workshop, meet, toHeld } from "./schema-rule.ts";
import type { SchemaPattern } from "./schema-walk.ts";

/** Turns collected subschemas into rules, each once. */
export function createRules(
  all: readonly Subschema[],
  dialect: Dialect,
  toPattern: (source: string) => SchemaPattern,
): ReadonlyMap<Subschema, Rule> {
  const rules = new Map<Subschema, Rule>();
  for (const schema of all) rules.set(schema, { checks: [], asksUnseen: false });
  for (const schema of all) fill(rules.get(schema)!, schema, { dialect, rules, toPattern });
  return rules;
}

function fill(rule: Rule, schema: Subschema, workshop: Workshop): void {
  const { value } = schema;
  if (typeof value === "boolean") {
    if (!value) rule.checks.push((_, walk) => walk.fail("is not allowed"));
    return;
  }
  const references = schema.references.map((target) => workshop.rules.get(target)!);
  const onlyReference = workshop.dialect === "draft-07" && references.length > 0;
  if (!onlyReference) rule.checks.push(...assertionsOf(value, workshop));
  for (const target of references) {
    rule.checks.push((instance, walk, seen) => meet(target, instance, walk, seen));
  }
  if (onlyReference) return;
  const held = toHeld(schema.children, workshop.rules);
  rule.checks.push(...inPlaceChecks(held));
  rule.checks.push(...objectChecks(held, value, workshop));
  rule.checks.push(...arrayChecks(held, value, workshop.dialect));
  const unseen = unseenChecks(held);
  rule.checks.push(...unseen);
  rule.asksUnseen = unseen.length > 0;
}

function assertionsOf(value: Readonly<Record<string, unknown>>, { toPattern }: Workshop): Check[] {
  const checks: Check[] = [];
  for (const [keyword, create] of assertions) {
    if (Object.hasOwn(value, keyword)) checks.push(create(value[keyword] as never));
  }
  const source = value["pattern"];
  if (typeof source !== "string") return checks;
  const pattern = toPattern(source);
  const message = `must match the pattern ${JSON.stringify(source)}`;
  checks.push(
    (text, walk) => typeof text !== "string" || walk.matches(pattern, text) || walk.fail(message),
  );
  return checks;
}

function inPlaceChecks(held: Held): Check[] {
  const checks: Check[] = [];
  for (const rule of held.list("allOf")) {
    checks.push((value, walk, seen) => meet(rule, value, walk, seen));
  }
  const any = held.list("anyOf");
  if (any.length > 0) checks.push(anyOf(any));
  const one = held.list("oneOf");
  if (one.length > 0) checks.push(oneOf(one));
  const not = held.one("not");
  if (not !== undefined) {
    checks.push(
      (value, walk) => !walk.quietly(() => meet(not, value, walk)) || walk.fail("is not allowed"),
    );
  }
  const condition = held.one("if");
  if (condition !== undefined)
    checks.push(ifThenElse(condition, held.one("then"), held.one("else")));
  for (const keyword of ["dependentSchemas", "dependencies"]) {
    for (const [key, rule] of held.map(keyword)) {
      checks.push(
        (value, walk, seen) =>
          !isRecord(value) || !Object.hasOwn(value, key) || meet(rule, value, walk, seen),
      );
    }
  }
  return checks;
}

function anyOf(rules: readonly Rule[]): Check {
  return (value, walk, seen) => {
    let fits = false;
    for (const rule of rules) {
      fits = walk.quietly(() => meet(rule, value, walk, seen)) || fits;
      // Each branch that fits tells which parts it has looked at, if somebody asks.
      if (fits && seen === undefined) break;
    }
    return fits || walk.fail(`must match at least one of ${rules.length} schemas`);
  };
}

function oneOf(rules: readonly Rule[]): Check {
  return (value, walk, seen) => {
    let fitting = 0;
    for (const rule of rules) {
      if (walk.quietly(() => meet(rule, value, walk, seen))) fitting++;
      if (fitting > 1) break;
    }
    return fitting === 1 || walk.fail(`must match exactly one of ${rules.length} schemas`);
  };
}

function ifThenElse(condition: Rule, then: Rule | undefined, otherwise: Rule | undefined): Check {
  return (value, walk, seen) => {
    const next = walk.quietly(() => meet(condition, value, walk, seen)) ? then : otherwise;
    return next === undefined || meet(next, value, walk, seen);
  };
}
