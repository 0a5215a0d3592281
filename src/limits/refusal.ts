/** What a client that is refused for its number of requests is told about when to come back. */
import { type Deny, deny } from "../core/index.ts";

export interface RatePolicy {
  readonly name: string;
  readonly capacity: number;
  readonly perSecond: number;
}

/**
 * `Retry-After` in whole seconds, at least 1, and the structured fields of
 * draft-ietf-httpapi-ratelimit-headers: of the policy that refused, none left (`r`) until `t`
 * seconds from now; of each policy that counted, `q` requests per window of `w` seconds. The window
 * of a token bucket is the time in which an empty one fills.
 */
export function denyRate(
  refused: RatePolicy,
  all: readonly RatePolicy[],
  retryAfterMs: number,
  why: string,
): Deny {
  const seconds = toSeconds(retryAfterMs);
  return deny("RATE_EXCEEDED", why, {
    headers: {
      "Retry-After": String(seconds),
      RateLimit: `${toItem(refused.name)};r=0;t=${seconds}`,
      "RateLimit-Policy": all.map(toPolicy).join(", "),
    },
  });
}

function toPolicy({ name, capacity, perSecond }: RatePolicy): string {
  const window = Math.max(1, Math.ceil(capacity / perSecond));
  return `${toItem(name)};q=${capacity};w=${window}`;
}

/** A string of RFC 9651, section 3.3.3; what such a string cannot hold becomes "?". */
function toItem(name: string): string {
  return `"${name.replaceAll(/[^\x20-\x7E]/g, "?").replaceAll(/["\\]/g, "\\$&")}"`;
}

/** When a slot comes free nobody knows: the client is asked to wait a second. */
export function denyConcurrency(maxConcurrent: number, why: string): Deny {
  return deny("CONCURRENCY_EXCEEDED", why, {
    headers: {
      "Retry-After": "1",
      RateLimit: `"concurrent";r=0;t=1`,
      "RateLimit-Policy": `"concurrent";q=${maxConcurrent};qu="concurrent-requests"`,
    },
  });
}

function toSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
