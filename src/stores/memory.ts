/** The store of a gateway that runs alone: everything in this process, and never more than its bound. */
import type { Ports, Store, Timer } from "../core/index.ts";
import { LRUCache } from "lru-cache";
import { assertFits } from "./bounds.ts";
import { type BucketState, takeTokens } from "./bucket.ts";

/** What a hundred thousand callers need at once; a caller beyond that displaces the idlest one. */
const maxKeys = 100_000;
/** All values together, in UTF-16 units, keys included. */
const maxValueUnits = 64 * 1024 * 1024;
/** What nobody asks for again goes so long after its time at most. */
const sweepMs = 60_000;

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
  let timer: Timer | undefined;

  /** No values, no timer. */
  const arm = (): void => {
    if (values.size > 0) timer ??= clock.after(sweepMs, sweep);
  };
  const sweep = (): void => {
    timer = undefined;
    const now = clock.elapsed();
    const over: string[] = [];
    for (const [key, { expiresAt }] of values.entries()) if (expiresAt <= now) over.push(key);
    for (const key of over) values.delete(key);
    arm();
  };
  const put = (key: string, text: string, ttlMs: number): void => {
    values.set(key, { text, expiresAt: clock.elapsed() + ttlMs });
    arm();
  };
  const read = (key: string): string | undefined => {
    const value = values.get(key);
    if (value === undefined) return undefined;
    if (clock.elapsed() < value.expiresAt) return value.text;
    values.delete(key);
    return undefined;
  };
  const replace: Store["replace"] = async (key, expected, next, ttlMs) => {
    assertFits(next);
    if (read(key) !== expected) return false;
    put(key, next, ttlMs);
    return true;
  };
  return {
    take: async (wanted) => {
      const { taken, changes } = takeTokens((key) => buckets.get(key), wanted, clock.elapsed());
      for (const [key, state] of changes) buckets.set(key, state);
      return taken;
    },
    get: async (key) => read(key),
    set: async (key, text, ttlMs) => {
      assertFits(text);
      put(key, text, ttlMs);
    },
    delete: async (key) => {
      values.delete(key);
    },
    setOnce: (key, text, ttlMs) => replace(key, undefined, text, ttlMs),
    replace,
    close: async () => {
      timer?.cancel();
      timer = undefined;
      buckets.clear();
      values.clear();
    },
  };
}
