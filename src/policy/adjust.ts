/** What several rules together change in how a call is made: the strictest of each, in any order. */
import type { SanitizeConfig } from "../config/index.ts";
import type { Adjustment, NamedBucket } from "../core/index.ts";
import type { Rule } from "./rule.ts";
import type { Caller } from "./subject.ts";

export const noAdjustment: Adjustment = { sanitize: [], buckets: [] };

export function toAdjustment(rules: readonly Rule[], caller: Caller): Adjustment {
  if (rules.length === 0) return noAdjustment;
  let timeoutMs = Infinity;
  const settings: SanitizeConfig[] = [];
  const buckets: NamedBucket[] = [];
  for (const rule of rules) {
    if (rule.timeoutMs !== undefined) timeoutMs = Math.min(timeoutMs, rule.timeoutMs);
    if (rule.sanitize !== undefined) settings.push(rule.sanitize);
    if (rule.toBucket !== undefined) buckets.push(rule.toBucket(caller));
  }
  const sanitize = settings.length > 0 ? [strictest(settings)] : [];
  return timeoutMs === Infinity ? { sanitize, buckets } : { timeoutMs, sanitize, buckets };
}

const secrets = ["deny", "redact", "mask", "report", "off"] as const;
const hidden = ["deny", "strip", "show", "off"] as const;

/** Of each setting the strictest one that somebody names. */
export function strictest(settings: readonly SanitizeConfig[]): SanitizeConfig {
  const secret = secrets.find((mode) => settings.some((each) => each.secrets === mode));
  const veil = hidden.find((mode) => settings.some((each) => each.hidden === mode));
  return { ...(secret && { secrets: secret }), ...(veil && { hidden: veil }) };
}
