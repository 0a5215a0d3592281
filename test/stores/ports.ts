/** Ports for the tests of small rooms: a clock that is set by hand, and Node's own crypto. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import * as v from "valibot";
import { type Config, type ConfigInput, configSchema } from "../../src/config/index.ts";
import { type Clock, type Crypto, type Seals, createKeyring } from "../../src/core/index.ts";

export interface HandClock extends Clock {
  readonly advance: (ms: number) => void;
}

/** Both clocks start at `now` and move only by `advance`; timers never fire. */
export function handClock(now = Date.parse("2027-01-15T12:00:00Z")): HandClock {
  let time = now;
  return {
    now: () => time,
    elapsed: () => time,
    after: () => ({ cancel: () => undefined }),
    advance: (ms) => {
      time += ms;
    },
  };
}

export const crypto: Crypto = {
  sha256: (data) => createHash("sha256").update(data).digest("hex"),
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest("hex"),
  randomBytes: (count) => Uint8Array.from(randomBytes(count)),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
};

export function toConfig(input: ConfigInput): Config {
  return v.parse(configSchema, input);
}

/** Seals of a process of its own. */
export function ownSeals(): Seals {
  return createKeyring([], crypto.randomBytes).seals;
}
