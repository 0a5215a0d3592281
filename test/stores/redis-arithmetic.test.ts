import * as fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Bucket } from "../../src/core/index.ts";
import { type BucketState, takeTokens } from "../../src/stores/bucket.ts";
import { openMemoryStore } from "../../src/stores/index.ts";
import { takeScript } from "../../src/stores/redis-scripts.ts";
import { sleep } from "./eventually.ts";
import { openRedisStore } from "./open.ts";
import { handClock } from "./ports.ts";
import { type RedisServer, describeRedis, startRedis } from "./redis-server.ts";

/** The script with a time that the test sets: ARGV's last one, in microseconds. */
const timedScript = takeScript.replace(
  "redis.call('TIME')",
  "{ math.floor(ARGV[#ARGV] / 1000000), ARGV[#ARGV] % 1000000 }",
);
/** The test's time is not the server's, whose expiry must not come between. */
const keepingScript = timedScript.replace(/, 'PX', .*\)$/m, ")");
const rates = fc.oneof(
  fc.constantFrom(0.001, 0.1, 1 / 3, 1, 3, 7, 10, 1000, 1_000_000),
  fc.double({ min: 0.001, max: 1000, noNaN: true }),
);
const bucket = fc.record({
  key: fc.constantFrom("a", "b", "c"),
  capacity: fc.integer({ min: 1, max: 20 }),
  perSecond: rates,
});
const steps = fc.array(
  fc.record({
    wait: fc.integer({ min: 0, max: 3000 }),
    buckets: fc.array(bucket, { minLength: 1, maxLength: 4 }),
  }),
  { maxLength: 30 },
);

describeRedis("The take script", () => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
  });
  afterAll(async () => {
    client.disconnect();
    await server.close();
  });

  test("The take script does the arithmetic of buckets to the millionth of a token", async () => {
    expect(new Set([takeScript, timedScript, keepingScript]).size).toBe(3);
    await fc.assert(
      fc.asyncProperty(steps, async (takes) => {
        await client.flushall();
        const states = new Map<string, BucketState>();
        let now = 1_700_000_000_000;
        for (const { wait, buckets } of takes) {
          now += wait;
          const expected = takeTokens((key) => states.get(key), buckets, now);
          for (const [key, state] of expected.changes) states.set(key, state);
          const found = await runTimed(client, keepingScript, buckets, now);
          const { ok, remaining, retryAfterMs, key } = expected.taken;
          expect(found).toEqual([ok ? 1 : 0, remaining, retryAfterMs, key]);
          for (const [name, { micros, at }] of expected.changes) {
            expect(await client.get(name)).toBe(`${micros} ${at * 1000}`);
          }
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test("A clock that runs backwards refills nothing, then or when it comes back", async () => {
    await client.flushall();
    const states = new Map<string, BucketState>();
    const slow: Bucket = { key: "k", capacity: 3, perSecond: 0.01 };
    for (const now of [1_000_000, 990_000, 900_000, 999_000, 1_000_000, 1_050_000, 1_150_000]) {
      const expected = takeTokens((key) => states.get(key), [slow], now);
      for (const [key, state] of expected.changes) states.set(key, state);
      const { ok, remaining, retryAfterMs, key } = expected.taken;
      expect(await runTimed(client, timedScript, [slow], now)).toEqual([
        ok ? 1 : 0,
        remaining,
        retryAfterMs,
        key,
      ]);
    }
  });

  test("The Redis store takes as the memory store does, within one token", async () => {
    const redis = await openRedisStore(server.url);
    const clock = handClock();
    const memory = openMemoryStore({ clock });
    const start = performance.now();
    let [granted, expected] = [0, 0];
    for (let i = 0; i < 300; i++) {
      const one = { key: "k", capacity: 10, perSecond: 40 };
      const ok = (await redis.store.take([one])).ok;
      const elapsed = performance.now() - start;
      clock.advance(elapsed - (clock.elapsed() - handClock().elapsed()));
      if (ok) granted++;
      if ((await memory.take([one])).ok) expected++;
      if (i % 20 === 0) await sleep(10);
    }
    expect(Math.abs(granted - expected)).toBeLessThanOrEqual(1);
    expect(granted).toBeGreaterThan(10);
    await redis.close();
  });
});

async function runTimed(
  client: Redis,
  script: string,
  buckets: readonly Bucket[],
  now: number,
): Promise<readonly unknown[]> {
  const keys = buckets.map(({ key }) => key);
  const args = buckets.flatMap((one) => [String(one.capacity), String(one.perSecond)]);
  const reply = await client.eval(script, keys.length, ...keys, ...args, now * 1000);
  const [ok, remaining, wait, at] = reply as [number, number, number, number];
  return [ok, remaining, wait, keys[at - 1]];
}
