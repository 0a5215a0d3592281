/** The store of a gateway that runs alone: everything in this process, and never more than its bound. */
import type { Ports, Store } from "../core/index.ts";
import { LRUCache } from "lru-cache";
import { type BucketState, takeTokens } from "./bucket.ts";

/** What a hundred thousand callers need at once; a caller beyond that displaces the idlest one. */
const maxKeys = 100_000;
/** All values together, in UTF-16 units, keys included. */
const maxValueUnits = 64 * 1024 * 1024;

interface Value {
  readonly text: string;
  /** Milliseconds of the clock that only grows. */
  readonly expiresAt: number;
}

/**
 * Buckets and values are bounded apart, so that a flood of strangers, who fill buckets, ends
 * nobody's session. A bucket that was displaced is full again, as one that stood idle is.
 */
export function openMemoryStore(ports: Pick<Ports, "clock">): Store {
  const { clock } = ports;
  const buckets = new LRUCache<string, BucketState>({ max: maxKeys });
  const values = new LRUCache<string, Value>({
    max: maxKeys,
    maxSize: maxValueUnits,
    sizeCalculation: (value, key) => value.text.length + key.length + 1,
  });
  return {
    take: async (wanted) => {
      const { taken, changes } = takeTokens((key) => buckets.get(key), wanted, clock.elapsed());
      for (const [key, state] of changes) buckets.set(key, state);
      return taken;
    },
    get: async (key) => {
      const value = values.get(key);
      if (value === undefined) return undefined;
      if (clock.elapsed() < value.expiresAt) return value.text;
      values.delete(key);
      return undefined;
    },
    set: async (key, text, ttlMs) => {
      values.set(key, { text, expiresAt: clock.elapsed() + ttlMs });
    },
    delete: async (key) => {
      values.delete(key);
    },
    close: async () => {
      buckets.clear();
      values.clear();
    },
  };
}
