/** Counts who comes how often: clients and upstreams in buckets, calls at once in slots. */
import type { Config } from "../config/index.ts";
import {
  type ClientIdentity,
  type Deny,
  type NamedBucket,
  type Ports,
  type Quota,
  deny,
} from "../core/index.ts";
import { clientBucket, planRates, upstreamBucket } from "./buckets.ts";
import { networkOf } from "./network.ts";
import { denyConcurrency, denyRate } from "./refusal.ts";
import type { SlotTable } from "./slots.ts";

/** What is about to be done. */
export interface Metering {
  readonly client: ClientIdentity;
  /** Where something is sent to one. */
  readonly upstream: string | undefined;
  /** What else counts this call, e.g. rules. */
  readonly buckets?: readonly NamedBucket[];
}

export interface Limits {
  /**
   * Takes one token from each bucket of the client, or none from any, and one slot; or refuses with
   * `RATE_EXCEEDED`, `CONCURRENCY_EXCEEDED` or `STORE_UNAVAILABLE`. The tokens are spent whatever
   * comes after, so that refused calls are not free. Who holds the quota must release it.
   */
  readonly enter: (client: ClientIdentity, address: string | undefined) => Promise<Quota | Deny>;
  /**
   * Takes one token from each bucket that counts this call, or none from any: a refusal
   * (`RATE_EXCEEDED`, `STORE_UNAVAILABLE`) drains none of them.
   */
  readonly meter: (metering: Metering) => Promise<Deny | undefined>;
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
const strangerRate = { name: "default", capacity: 20, perSecond: 1 };

/** The concurrency cap is counted in this process, by `slots`; the buckets are in the store. */
export function createLimits(
  config: Config,
  { store }: Pick<Ports, "store">,
  slots: SlotTable,
): Limits {
  const clients = new Map(
    Object.entries(config.clients).map(([name, { rate, maxConcurrent }]) => [
      name,
      { plans: planRates(rate), maxConcurrent },
    ]),
  );
  const upstreams = new Map(
    Object.entries(config.upstreams).map(([name, { rate }]) => [name, rate]),
  );

  /** A store that cannot be asked refuses (law 3). */
  const take = async (buckets: readonly NamedBucket[], who: string): Promise<Deny | undefined> => {
    const [first] = buckets;
    if (first === undefined) return undefined;
    try {
      const taken = await store.take(buckets);
      if (taken.ok) return undefined;
      const refused = buckets.find(({ key }) => key === taken.key) ?? first;
      const why = `${who} over the rate "${refused.name}" of ${refused.perSecond} per second`;
      return denyRate(refused, buckets, taken.retryAfterMs, why);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      return deny("STORE_UNAVAILABLE", `The store did not take a token: ${cause}`);
    }
  };

  return {
    enter: async (client, address) => {
      const { name } = client;
      const limits = clients.get(name);
      if (limits === undefined) throw new Error(`Cannot limit the unknown client "${name}"`);
      const { plans, maxConcurrent } = limits;
      const buckets = plans.map((plan) => clientBucket(client, address, plan));
      const refusal = await take(buckets, `Client "${name}" is`);
      if (refusal) return refusal;
      const quota = slots.enter(name, maxConcurrent);
      if (quota) return quota;
      return denyConcurrency(maxConcurrent, `Client "${name}" has ${maxConcurrent} calls at once`);
    },
    meter: async ({ client, upstream, buckets = [] }) => {
      if (upstream === undefined) return take(buckets, "Calls are");
      const rate = upstreams.get(upstream);
      const own = rate === undefined ? [] : [upstreamBucket(upstream, rate, client.name)];
      return take([...own, ...buckets], `Calls to "${upstream}" are`);
    },
    stranger: async (address) => {
      const network = networkOf(address);
      const bucket = { ...strangerRate, key: `stranger:${network}` };
      return take([bucket], `Failed authentications from ${network} are`);
    },
  };
}
