/** The bucket of a rule that says how often. */
import type { RuleRateConfig } from "../config/index.ts";
import type { NamedBucket } from "../core/index.ts";
import type { Caller } from "./subject.ts";

/**
 * A client's name holds no colon and a quoted text ends at its quote, so that no subject can name
 * another's bucket. Of whom no subject is known shares one with all others of the client.
 */
export function compileBucket(rule: string, rate: RuleRateConfig): (caller: Caller) => NamedBucket {
  const { burst: capacity, perSecond, per } = rate;
  const name = `rule:${rule}`;
  const all = `rate-rule:${JSON.stringify(rule)}:${per}`;
  const shared: NamedBucket = { name, key: all, capacity, perSecond };
  if (per === "rule") return () => shared;
  return ({ client, subject }) => {
    const theirs = `${all}:${client}`;
    const isTold = per === "subject" && subject !== undefined;
    return { name, key: isTold ? `${theirs}:${subject}` : theirs, capacity, perSecond };
  };
}
