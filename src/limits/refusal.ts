/** What a client that is refused for its number of requests is told about when to come back. */
import { type Deny, deny } from "../core/index.ts";

export interface RatePolicy {
  readonly capacity: number;
  readonly perSecond: number;
}

/**
 * `Retry-After` in whole seconds, at least 1, and the structured fields of
 * draft-ietf-httpapi-ratelimit-headers: `q` requests per window of `w` seconds, `r` left, more
 * after `t` seconds. The window of a token bucket is the time in which an empty one fills.
 */
export function denyRate(policy: RatePolicy, retryAfterMs: number, why: string): Deny {
  const seconds = toSeconds(retryAfterMs);
  const window = Math.max(1, Math.ceil(policy.capacity / policy.perSecond));
  return deny("RATE_EXCEEDED", why, {
    headers: {
      "Retry-After": String(seconds),
      RateLimit: `"default";r=0;t=${seconds}`,
      "RateLimit-Policy": `"default";q=${policy.capacity};w=${window}`,
    },
  });
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
