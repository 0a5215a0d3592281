/** What a change does to rules and roles, as they are written. */
import {
  type Config,
  type RoleConfig,
  type RuleConfig,
  canonicalJson,
  endOfDay,
} from "../config/index.ts";

export interface NamedChange {
  readonly name: string;
  readonly change: "added" | "removed" | "changed";
  /** Of what changed, the keys. */
  readonly keys: readonly string[];
  /** Whether something is allowed by it that was not. */
  readonly widens: boolean;
}
export interface RuleChange extends NamedChange {
  /** Whether its conditions are others: `when`, also as a function's text, or `unless`. */
  readonly conditions: boolean;
}

export function compareRules(before: Config, after: Config, now: number): readonly RuleChange[] {
  const [old, fresh] = [byName(before.rules), byName(after.rules)];
  const names = [...new Set([...old.keys(), ...fresh.keys()])];
  return names.flatMap((name): RuleChange[] => {
    const [was, is] = [old.get(name), fresh.get(name)];
    const keys = changedKeys(was, is);
    if (keys.length === 0) return [];
    const change = was === undefined ? "added" : is === undefined ? "removed" : "changed";
    const widens = was !== undefined && isLoosened(was, is, after.rules, now);
    const conditions =
      change === "changed" && keys.some((key) => key === "when" || key === "unless");
    return [{ name, change, keys: change === "changed" ? keys : [], conditions, widens }];
  });
}

/** What a role allows is seen target by target; here that it lasts longer. */
export function compareRoles(before: Config, after: Config): readonly NamedChange[] {
  const names = [...new Set([...Object.keys(before.roles), ...Object.keys(after.roles)])];
  return names.flatMap((name): NamedChange[] => {
    const [was, is] = [before.roles[name], after.roles[name]];
    const keys = changedKeys(was, is);
    if (keys.length === 0) return [];
    if (was === undefined) return [{ name, change: "added", keys: [], widens: false }];
    if (is === undefined) return [{ name, change: "removed", keys: [], widens: false }];
    return [{ name, change: "changed", keys, widens: endOf(is) > endOf(was) }];
  });
}

/** Whether a rule holds back as much as another did, where both are asked. */
export function isAsStrict(was: RuleConfig, is: RuleConfig): boolean {
  if (is.mode !== "enforce" || endOf(is) < endOf(was)) return false;
  if (was.then === "deny" && is.then !== "deny") return false;
  if (was.then !== undefined && is.then === undefined) return false;
  const isAsked = was.then === "ask" && is.then === "ask";
  if (isAsked && canonicalJson(was.ask) !== canonicalJson(is.ask)) return false;
  if (was.set !== undefined && canonicalJson(was.set) !== canonicalJson(is.set)) return false;
  return (["when", "unless"] as const).every(
    (key) => canonicalJson(was[key]) === canonicalJson(is[key]),
  );
}

/** What takes something from callers: a refusal, a question, an argument that is not theirs. */
export function holdsBack(rule: RuleConfig, now: number): boolean {
  const does = rule.then !== undefined || rule.set !== undefined;
  return does && rule.mode === "enforce" && now < endOf(rule);
}

/** One that has another name now is the same rule. */
function isLoosened(
  was: RuleConfig,
  is: RuleConfig | undefined,
  after: readonly RuleConfig[],
  now: number,
): boolean {
  if (!holdsBack(was, now)) return false;
  if (is !== undefined) return !isAsStrict(was, is);
  const whom = (rule: RuleConfig): string => canonicalJson([rule.on, rule.clients, rule.roles]);
  return !after.some((rule) => whom(rule) === whom(was) && isAsStrict(was, rule));
}

function endOf({ until }: RuleConfig | RoleConfig): number {
  return until === undefined ? Infinity : endOfDay(until);
}

function byName(rules: readonly RuleConfig[]): ReadonlyMap<string, RuleConfig> {
  return new Map(rules.map((rule) => [rule.name, rule]));
}

function changedKeys(was: object | undefined, is: object | undefined): readonly string[] {
  const [old, fresh] = [new Map(Object.entries(was ?? {})), new Map(Object.entries(is ?? {}))];
  const keys = [...new Set([...old.keys(), ...fresh.keys()])];
  return keys.filter((key) => canonicalJson(old.get(key)) !== canonicalJson(fresh.get(key)));
}
