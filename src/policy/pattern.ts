/** Patterns of the config, resolved against the upstreams that the config names. */
import type { RuleConfig } from "../config/index.ts";
import { compileGlob } from "../core/index.ts";
import type { TargetKind } from "../mcp/index.ts";

/** One pattern where it speaks of one upstream: a glob over that upstream's own names. */
export interface NamePattern {
  readonly glob: string;
  /** The pattern as the config has it. */
  readonly source: string;
}
export type KindPatterns = { readonly [kind in TargetKind]: readonly string[] };

/** The lists of the config, `{ tools, resources, prompts }`, by kind; an absent list is empty. */
export function toKinds(lists: {
  readonly tools?: readonly string[] | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly prompts?: readonly string[] | undefined;
}): KindPatterns {
  return {
    tool: lists.tools ?? [],
    resource: lists.resources ?? [],
    prompt: lists.prompts ?? [],
  };
}

/** What a rule is `on`: a pattern or a list of them speaks of every kind. */
export function toTargets(on: RuleConfig["on"]): KindPatterns {
  if (typeof on === "string") return toTargets([on]);
  return Array.isArray(on) ? { tool: on, resource: on, prompt: on } : toKinds(on);
}

/** Whether it is one at all: a bare upstream is none. */
export function isPattern(source: string): boolean {
  const slash = source.indexOf("/");
  return source === "*" || (slash > 0 && slash < source.length - 1);
}

/**
 * The patterns that speak of `upstream`. The two halves are matched apart, at the first slash: a
 * `*` before it stands for characters of an upstream's name alone, so that `weather/weather://*`
 * is never held against the upstream `weather:` and the name `/evil`. `*` alone is everything.
 */
export function patternsFor(upstream: string, patterns: readonly string[]): NamePattern[] {
  return patterns.flatMap((source) => {
    if (source === "*") return [{ glob: "*", source }];
    if (!isPattern(source)) return [];
    const slash = source.indexOf("/");
    if (!compileGlob(source.slice(0, slash))(upstream)) return [];
    return [{ glob: source.slice(slash + 1), source }];
  });
}
