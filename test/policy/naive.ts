/** The policy told a second time, as slowly and plainly as can be, to hold the real one against. */
import type { Config } from "../../src/config/index.ts";
import { isNormalUri } from "../../src/core/index.ts";
import type { Subject, Thing } from "../../src/policy/index.ts";

const lists = { tool: "tools", resource: "resources", prompt: "prompts" } as const;

export function naiveAllows(config: Config, subject: Subject, thing: Thing): boolean {
  const upstream = Object.entries(config.upstreams).find(([name]) => name === thing.upstream)?.[1];
  const client = Object.entries(config.clients).find(([name]) => name === subject.client)?.[1];
  if (!upstream || !client) return false;
  const list = lists[thing.kind];
  const exposed = upstream.expose[list];
  if (exposed && !exposed.some((glob) => naiveMatches(glob, thing.name))) return false;
  if (thing.kind === "resource" && !isNormalUri(thing.name)) return false;
  if (!client.allow[list].some((pattern) => naiveNames(pattern, thing))) return false;
  return !config.rules.some((rule) => {
    if (rule.when || rule.unless) return false;
    if (rule.clients && !rule.clients.includes(subject.client)) return false;
    const on = typeof rule.on === "string" ? [rule.on] : rule.on;
    const patterns = Array.isArray(on) ? on : (on[list] ?? []);
    return patterns.some((pattern) => naiveNames(pattern, thing));
  });
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
