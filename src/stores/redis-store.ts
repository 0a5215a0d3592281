/** The store that instances share. */
import type { Bucket, Store, Taken } from "../core/index.ts";
import { assertFits, toWholeMs } from "./bounds.ts";
import type { Link } from "./redis-link.ts";
import { type Scripts, getScript, replaceScript, takeScript } from "./redis-scripts.ts";

/**
 * Needs a server, not a cluster: the buckets of one take may have any keys. `prefix` keeps gateways
 * apart that share a database; buckets and values are apart as they are in memory.
 */
export function createRedisStore(link: Link, scripts: Scripts, prefix: string): Store {
  const toValueKey = (key: string): string => `${prefix}value:${key}`;
  const run = (script: string, keys: readonly string[], args: readonly string[] = []) =>
    link.run((redis) => scripts.run(redis, script, keys, args));
  const toMs = (ttlMs: number): string => toWholeMs(ttlMs).toFixed(0);
  return {
    take: async (buckets) => {
      if (buckets.length === 0) return { ok: true, remaining: Infinity, retryAfterMs: 0, key: "" };
      const keys = buckets.map(({ key }) => toBucketKey(prefix, key));
      const args = buckets.flatMap((one) => [String(one.capacity), String(one.perSecond)]);
      return parseTaken(await run(takeScript, keys, args), buckets);
    },
    get: async (key) => {
      const found = await run(getScript, [toValueKey(key)]);
      if (typeof found === "string") return found;
      if (found === null) return undefined;
      throw new Error("What the store keeps is no value that a gateway wrote");
    },
    set: async (key, value, ttlMs) => {
      assertFits(value);
      await link.run((redis) => redis.set(toValueKey(key), value, "PX", toMs(ttlMs)));
    },
    delete: async (key) => {
      await link.run((redis) => redis.del(toValueKey(key)));
    },
    setOnce: async (key, value, ttlMs) => {
      assertFits(value);
      const set = await link.run((redis) =>
        redis.set(toValueKey(key), value, "PX", toMs(ttlMs), "NX"),
      );
      return set === "OK";
    },
    replace: async (key, expected, next, ttlMs) => {
      assertFits(next);
      const known = expected === undefined ? ["0", ""] : ["1", expected];
      return (await run(replaceScript, [toValueKey(key)], [...known, next, toMs(ttlMs)])) === 1;
    },
    close: link.close,
  };
}

export function toBucketKey(prefix: string, key: string): string {
  return `${prefix}bucket:${key}`;
}

function parseTaken(reply: unknown, buckets: readonly Bucket[]): Taken {
  const [ok, remaining, retryAfterMs, at] = Array.isArray(reply) ? reply.map(Number) : [];
  const bucket = buckets[(at ?? 0) - 1];
  if (bucket === undefined || remaining === undefined || retryAfterMs === undefined) {
    throw new Error("The store answered a take with something else");
  }
  return { ok: ok === 1, remaining, retryAfterMs, key: bucket.key };
}
