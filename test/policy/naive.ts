/** The policy told a second time, as slowly and plainly as can be, to hold the real one against. */
import type { Config, RuleConfig } from "../../src/config/index.ts";
import { isNormalUri } from "../../src/core/index.ts";
import type { Subject, Thing } from "../../src/policy/index.ts";

const lists = { tool: "tools", resource: "resources", prompt: "prompts" } as const;

export function naiveAllows(config: Config, subject: Subject, thing: Thing, now = 0): boolean {
  const upstream = Object.entries(config.upstreams).find(([name]) => name === thing.upstream)?.[1];
  const client = Object.entries(config.clients).find(([name]) => name === subject.client)?.[1];
  if (!upstream || !client) return false;
  const list = lists[thing.kind];
  const exposed = upstream.expose[list];
  if (exposed && !exposed.some((glob) => naiveMatches(glob, thing.name))) return false;
  if (thing.kind === "resource" && !isNormalUri(thing.name)) return false;
  const allows = [client.allow, ...heldRoles(config, subject.client, now).map(([, r]) => r.allow)];
  const names = (pattern: string): boolean => naiveNames(pattern, thing);
  if (!allows.some((allow) => allow[list].some(names))) return false;
  return !naiveRules(config, subject, thing, now).some(
    (rule) => rule.then === "deny" && rule.mode === "enforce" && !rule.when && !rule.unless,
  );
}

/** What a call without conditions that could fail comes to, and what is sent. */
export function naiveCall(
  config: Config,
  subject: Subject,
  thing: Thing,
  args: Readonly<Record<string, unknown>>,
  now = 0,
): { readonly verdict: string; readonly args: Readonly<Record<string, unknown>> } {
  if (!naiveAllows(config, subject, thing, now)) return { verdict: "POLICY_DENIED", args };
  const rules = naiveRules(config, subject, thing, now).filter(({ mode }) => mode === "enforce");
  const sent = { ...args };
  if (thing.kind === "tool") {
    const setting = rules.filter((rule) => naiveHolds(rule, args));
    const set = setting.flatMap((rule) => Object.entries(rule.set ?? {}));
    const taken = new Set([...set.map(([name]) => name), ...Object.keys(args)]);
    const defaults = setting
      .flatMap((rule) => Object.entries(rule.defaults ?? {}))
      .filter(([name]) => !taken.has(name));
    for (const [name, value] of [...set, ...defaults]) {
      const others = [...set, ...defaults].filter(([other]) => other === name);
      if (others.some(([, other]) => JSON.stringify(other) !== JSON.stringify(value))) {
        return { verdict: "RULE_CONFLICT", args };
      }
      sent[name] = value;
    }
  }
  const denies = rules.some((rule) => rule.then === "deny" && naiveHolds(rule, sent));
  const asks = rules.some((rule) => rule.then === "ask" && naiveHolds(rule, sent));
  return { verdict: denies ? "RULE_DENIED" : asks ? "ask" : "allow", args: sent };
}

function heldRoles(config: Config, client: string, now: number) {
  return Object.entries(config.roles).filter(
    ([name, { until }]) => config.clients[client]?.roles.includes(name) && isThere(until, now),
  );
}

function isThere(until: string | undefined, now: number): boolean {
  return until === undefined || now < Date.parse(`${until}T00:00:00Z`) + 24 * 60 * 60_000;
}

/** Those that speak of the thing and of who asks for it. */
function naiveRules(
  config: Config,
  subject: Subject,
  thing: Thing,
  now: number,
): readonly RuleConfig[] {
  const held = heldRoles(config, subject.client, now).map(([name]) => name);
  return config.rules.filter((rule) => {
    if (!isThere(rule.until, now)) return false;
    if (rule.clients && !rule.clients.includes(subject.client)) return false;
    if (rule.roles && !rule.roles.some((role) => held.includes(role))) return false;
    const on = typeof rule.on === "string" ? [rule.on] : rule.on;
    const patterns = Array.isArray(on) ? on : (on[lists[thing.kind]] ?? []);
    return patterns.some((pattern) => naiveNames(pattern, thing));
  });
}

/** Of conditions it knows arguments that equal a value. */
function naiveHolds(rule: RuleConfig, args: Readonly<Record<string, unknown>>): boolean {
  const all = (tests: object): boolean =>
    Object.entries(tests).every(
      ([name, value]) => Object.hasOwn(args, name) && args[name] === value,
    );
  const { when, unless } = rule;
  if (typeof when === "object" && !all(when.args ?? {})) return false;
  return unless === undefined || !all(unless.args ?? {});
}

export function naiveNames(pattern: string, thing: Omit<Thing, "kind">): boolean {
  if (pattern === "*") return true;
  const [upstream = "", ...name] = pattern.split("/");
  return naiveMatches(upstream, thing.upstream) && naiveMatches(name.join("/"), thing.name);
}

export function naiveMatches(glob: string, text: string): boolean {
  if (glob === "") return text === "";
  if (glob[0] === "*") {
    return naiveMatches(glob.slice(1), text) || (text !== "" && naiveMatches(glob, text.slice(1)));
  }
  return glob[0] === text[0] && naiveMatches(glob.slice(1), text.slice(1));
}
