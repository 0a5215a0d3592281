/** Counts who comes how often: clients and subjects in buckets, calls at once in slots. */
import type { Config, RateConfig } from "../config/index.ts";
import {
  type Bucket,
  type ClientIdentity,
  type Deny,
  type Ports,
  type Quota,
  type Store,
  type Taken,
  deny,
} from "../core/index.ts";
import { networkOf } from "./network.ts";
import { denyConcurrency, denyRate } from "./refusal.ts";
import { createSlots } from "./slots.ts";

export interface Limits {
  /**
   * Takes one token and one slot of the client, or refuses with `RATE_EXCEEDED`,
   * `CONCURRENCY_EXCEEDED` or `STORE_UNAVAILABLE`. The token is spent whatever comes after, so
   * that refused calls are not free. Who holds the quota must release it.
   */
  readonly enter: (client: ClientIdentity, address: string | undefined) => Promise<Quota | Deny>;
  /**
   * Call it for each failed authentication: a refusal once an address had too many of them.
   * Callers who identify themselves are not counted here, whatever their address.
   */
  readonly stranger: (address: string | undefined) => Promise<Deny | undefined>;
}

/**
 * Failed authentications of one address. Guessing a token is hopeless anyway; this bounds what
 * the guesses cost.
 */
const strangerRate = { capacity: 20, perSecond: 1 };

/** The concurrency cap is counted in this process; the buckets are in the store. */
export function createLimits(config: Config, ports: Pick<Ports, "store" | "clock">): Limits {
  const clients = new Map(
    Object.entries(config.clients).map(([name, { rate, maxConcurrent }]) => [
      name,
      { rate, maxConcurrent, slots: createSlots(maxConcurrent) },
    ]),
  );
  return {
    enter: async (client) => {
      const limits = clients.get(client.name);
      if (limits === undefined) throw new Error(`Cannot limit the unknown client "${client.name}"`);
      const bucket = bucketOf(client, limits.rate);
      const taken = await take(ports.store, bucket);
      if ("verdict" in taken) return taken;
      if (!taken.ok) {
        const why = `Client "${client.name}" is over its ${limits.rate.perSecond} per second`;
        return denyRate(bucket, taken.retryAfterMs, why);
      }
      const quota = limits.slots.enter();
      if (quota) return quota;
      const why = `Client "${client.name}" has ${limits.maxConcurrent} calls at once`;
      return denyConcurrency(limits.maxConcurrent, why);
    },
    stranger: async (address) => {
      const network = networkOf(address);
      const taken = await take(ports.store, { key: `stranger:${network}`, ...strangerRate });
      if ("verdict" in taken) return taken;
      if (taken.ok) return undefined;
      const why = `Too many failed authentications from ${network}`;
      return denyRate(strangerRate, taken.retryAfterMs, why);
    },
  };
}

/** A client name holds no colon, so that no subject can name another's bucket. */
function bucketOf({ name, subject }: ClientIdentity, rate: RateConfig): Bucket {
  const own = rate.per === "subject" && subject !== undefined;
  const key = own ? `rate:${name}:${subject}` : `rate:${name}`;
  return { key, capacity: rate.burst, perSecond: rate.perSecond };
}

/** A store that cannot be asked refuses (law 3). */
async function take(store: Store, bucket: Bucket): Promise<Taken | Deny> {
  try {
    return await store.take([bucket]);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return deny("STORE_UNAVAILABLE", `The store did not take a token: ${cause}`);
  }
}
