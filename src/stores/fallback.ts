/** What goes on in this process while the store is lost, where the config wants that. */
import { type Bucket, type Bus, type Ports, type Store, StoreLost } from "../core/index.ts";
import { createMemoryBus } from "./memory-bus.ts";
import { openMemoryStore } from "./memory.ts";

export interface Fallback {
  readonly store: Store;
  readonly bus: Bus;
  /** The store is back: values that were kept here are forgotten. */
  readonly returned: () => void;
}

/**
 * Buckets are kept from one loss to the next, so that a connection that comes and goes gives no burst
 * each time. Values are not: what was deleted meanwhile would be there again. What was not written
 * since the loss is refused and not said to be absent, and so is a mark that may be set once: only a
 * store that everybody sees knows.
 */
export function createFallback(
  shared: { readonly store: Store; readonly bus: Bus; readonly isUp: () => boolean },
  share: number,
  ports: Pick<Ports, "clock" | "log">,
): Fallback {
  const { store, bus, isUp } = shared;
  const buckets = openMemoryStore(ports);
  let values = openMemoryStore(ports);
  const localBus = createMemoryBus(ports);
  const orLocal = async <T>(
    remote: Promise<T>,
    local: (loss: StoreLost) => Promise<T>,
  ): Promise<T> => {
    try {
      return await remote;
    } catch (error) {
      if (!(error instanceof StoreLost) || error.reason === "closed") throw error;
      return local(error);
    }
  };
  /** Where nothing is kept here, only the store knows what is kept there. */
  const known = async (key: string, loss: StoreLost): Promise<string> => {
    const value = await values.get(key);
    if (value === undefined) throw loss;
    return value;
  };
  return {
    store: {
      take: (wanted) =>
        orLocal(store.take(wanted), () => buckets.take(wanted.map((one) => toShare(one, share)))),
      get: (key) => orLocal(store.get(key), (loss) => known(key, loss)),
      set: (key, value, ttlMs) =>
        orLocal(store.set(key, value, ttlMs), () => values.set(key, value, ttlMs)),
      delete: (key) => orLocal(store.delete(key), () => values.delete(key)),
      setOnce: store.setOnce,
      replace: (key, expected, next, ttlMs) =>
        orLocal(store.replace(key, expected, next, ttlMs), async (loss) => {
          await known(key, loss);
          return values.replace(key, expected, next, ttlMs);
        }),
      close: store.close,
    },
    bus: {
      // One that was under way when the store was lost may have arrived, and must not come twice.
      publish: (channel, text) => (isUp() ? bus : localBus).publish(channel, text),
      subscribe: async (channel, act) => {
        const ends = await Promise.all([
          bus.subscribe(channel, act),
          localBus.subscribe(channel, act),
        ]);
        return () => ends.forEach((end) => end());
      },
    },
    returned: () => {
      values = openMemoryStore(ports);
    },
  };
}

/** A whole token at least: less than one would never let anybody through. */
function toShare({ key, capacity, perSecond }: Bucket, share: number): Bucket {
  return {
    key,
    capacity: Math.max(1, Math.floor(capacity * share)),
    perSecond: perSecond * share,
  };
}
