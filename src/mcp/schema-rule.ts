/** A subschema ready to meet values. */
import type { ChildSchema, Subschema } from "./schema-collect.ts";
import type { Dialect } from "./schema-keywords.ts";
import { type SchemaPattern, type Seen, type Walk, addSeen, createSeen } from "./schema-walk.ts";

export type Check = (value: unknown, walk: Walk, seen: Seen | undefined) => boolean;

/** A subschema ready to meet values. Its checks come later than itself: it may hold itself. */
export interface Rule {
  readonly checks: Check[];
  /** It asks which parts no other keyword has looked at. */
  asksUnseen: boolean;
}

/** Whether the value fits; parts that were looked at are added to `seen` if it does. */
export function meet(rule: Rule, value: unknown, walk: Walk, seen?: Seen): boolean {
  walk.spend(1 + rule.checks.length);
  const own = seen !== undefined || rule.asksUnseen ? createSeen() : undefined;
  let fits = true;
  for (const check of rule.checks) {
    if (check(value, walk, own)) continue;
    if (walk.isDone()) return false;
    fits = false;
  }
  if (fits && seen !== undefined && own !== undefined) addSeen(seen, own, walk.spend);
  return fits;
}

/** What the checks of a rule are made with. */
export interface Workshop {
  readonly dialect: Dialect;
  readonly rules: ReadonlyMap<Subschema, Rule>;
  readonly toPattern: (source: string) => SchemaPattern;
}

/** The rules that stand under each keyword. */
export interface Held {
  readonly one: (keyword: string) => Rule | undefined;
  readonly list: (keyword: string) => readonly Rule[];
  readonly map: (keyword: string) => ReadonlyMap<string, Rule>;
}

export function toHeld(
  children: readonly ChildSchema[],
  rules: ReadonlyMap<Subschema, Rule>,
): Held {
  if (children.length === 0) return nothingHeld;
  const under = (keyword: string): readonly (readonly [ChildSchema["key"], Rule])[] =>
    children
      .filter((child) => child.keyword === keyword)
      .map(({ key, schema }) => [key, rules.get(schema)!] as const);
  return {
    one: (keyword) => under(keyword).find(([key]) => key === undefined)?.[1],
    list: (keyword) =>
      under(keyword)
        .filter(([key]) => typeof key === "number")
        .map(([, rule]) => rule),
    map: (keyword) =>
      new Map(
        under(keyword).flatMap(([key, rule]) => (typeof key === "string" ? [[key, rule]] : [])),
      ),
  };
}

/** Most subschemas are leaves. */
const nothingHeld: Held = { one: () => undefined, list: () => [], map: () => new Map() };
