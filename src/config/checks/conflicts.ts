/** Rules that would give one argument two values, as far as that shows without a call. */
import { compileGlob, globsOverlap } from "../../core/index.ts";
import { canonicalJson } from "../digest.ts";
import { finding } from "../fault.ts";
import type { Finding, PathKey } from "../fault.ts";
import type { Config, RuleConfig } from "../schema.ts";
import { endOfDay } from "../until.ts";
import type { Checked } from "./subject.ts";

interface Setter {
  readonly rule: RuleConfig;
  readonly path: readonly PathKey[];
  readonly tools: readonly string[];
}

/** An error where every call would be refused, a warning where only some tool could be meant by both. */
export function checkConflicts({ config, rules, context }: Checked): readonly Finding[] {
  const setters = rules.filter(({ rule }) => isSure(rule, context.now)).map(toSetter);
  return setters.flatMap((later, index) =>
    setters.slice(0, index).flatMap((earlier) => compare(earlier, later, config)),
  );
}

function isSure({ when, unless, mode, until }: RuleConfig, now: number): boolean {
  if (when !== undefined || unless !== undefined || mode === "shadow") return false;
  return until === undefined || now < endOfDay(until);
}

function toSetter({ rule, path }: Checked["rules"][number]): Setter {
  const { on } = rule;
  if (typeof on === "string") return { rule, path, tools: [on] };
  return { rule, path, tools: Array.isArray(on) ? on : (on.tools ?? []) };
}

function compare(earlier: Setter, later: Setter, config: Config): readonly Finding[] {
  const findings = (["set", "defaults"] as const).flatMap((key) => {
    const [one = {}, other = {}] = [earlier.rule[key], later.rule[key]];
    const names = Object.keys(other).filter((name) => {
      if (!Object.hasOwn(one, name)) return false;
      return canonicalJson(one[name]) !== canonicalJson(other[name]);
    });
    return names.map((name) => ({ key, name }));
  });
  if (findings.length === 0 || !haveCallerInCommon(earlier.rule, later.rule, config)) return [];
  const meeting = meet(earlier.tools, later.tools);
  if (meeting === undefined) return [];
  return findings.map(({ key, name }) => {
    const path = [...later.path, key, name];
    const message = `"${earlier.rule.name}" gives "${name}" another value`;
    return meeting === "always"
      ? finding("error", path, `${message}, so these calls are refused`)
      : finding("warning", path, `${message}, where a tool is meant by both`);
  });
}

/** `"always"` where all that one pattern names is named by one of the other rule's too. */
function meet(
  ones: readonly string[],
  others: readonly string[],
): "always" | "perhaps" | undefined {
  const pairs = ones.flatMap((one) => others.map((other) => [one, other] as const));
  if (pairs.some(([a, b]) => covers(a, b) || covers(b, a))) return "always";
  return pairs.some(([a, b]) => globsOverlap(a, b)) ? "perhaps" : undefined;
}

/**
 * One glob covers another that it matches as a text: the `*` in that can then only have met a `*`.
 * The halves are matched apart, as policy matches them.
 */
function covers(pattern: string, other: string): boolean {
  if (pattern === "*") return true;
  if (other === "*") return false;
  const [upstream, name] = halves(pattern);
  const [otherUpstream, otherName] = halves(other);
  return compileGlob(upstream)(otherUpstream) && compileGlob(name)(otherName);
}

function halves(pattern: string): readonly [string, string] {
  const slash = pattern.indexOf("/");
  return [pattern.slice(0, slash), pattern.slice(slash + 1)];
}

function haveCallerInCommon(a: RuleConfig, b: RuleConfig, config: Config): boolean {
  const concerns = (rule: RuleConfig, client: string, roles: readonly string[]): boolean =>
    (rule.clients === undefined || rule.clients.includes(client)) &&
    (rule.roles === undefined || rule.roles.some((role) => roles.includes(role)));
  return Object.entries(config.clients).some(
    ([client, { roles }]) => concerns(a, client, roles) && concerns(b, client, roles),
  );
}
