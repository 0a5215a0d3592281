import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Bucket } from "../../src/core/index.ts";
import { type BucketState, takeTokens } from "../../src/stores/bucket.ts";

const rates = fc.oneof(
  fc.constantFrom(0.001, 0.1, 1 / 3, 1, 3, 7, 10, 1000),
  fc.double({ min: 0.001, max: 1000, noNaN: true }),
);
const steps = fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), { maxLength: 60 });

function takeOne(states: Map<string, BucketState>, buckets: readonly Bucket[], now: number) {
  const { taken, changes } = takeTokens((key) => states.get(key), buckets, now);
  for (const [key, state] of changes) states.set(key, state);
  return taken;
}

test("A bucket never grants more than burst + rate * time in any window", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), rates, steps, (capacity, perSecond, waits) => {
      const states = new Map<string, BucketState>();
      const granted: number[] = [];
      let now = 0;
      for (const wait of waits) {
        now += wait;
        if (takeOne(states, [{ key: "k", capacity, perSecond }], now).ok) granted.push(now);
      }
      for (const [from, start] of granted.entries()) {
        for (const [to, end] of granted.entries()) {
          if (to < from) continue;
          const most = capacity + (perSecond * (end - start)) / 1000 + 1e-6;
          expect(to - from + 1).toBeLessThanOrEqual(most);
        }
      }
    }),
  );
});

test("A bucket that refused has a token after retryAfterMs, and none a millisecond before", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), rates, steps, (capacity, perSecond, waits) => {
      const states = new Map<string, BucketState>();
      const bucket = { key: "k", capacity, perSecond };
      let now = 0;
      for (const wait of waits) {
        now += wait;
        const taken = takeOne(states, [bucket], now);
        if (taken.ok) continue;
        const read = (key: string): BucketState | undefined => states.get(key);
        expect(takeTokens(read, [bucket], now + taken.retryAfterMs).taken.ok).toBe(true);
        // Rounded up to a whole millisecond, and from a fill rounded down to a millionth of a token.
        const early = now + taken.retryAfterMs - 1.001 - 1 / (perSecond * 1000);
        expect(takeTokens(read, [bucket], early).taken.ok).toBe(false);
      }
    }),
  );
});

test("A clock that runs backwards refills nothing, then or when it comes back", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -2000, max: 2000 }), { maxLength: 60 }), (moves) => {
      const states = new Map<string, BucketState>();
      let now = 0;
      let latest = 0;
      let granted = 0;
      for (const move of moves) {
        now += move;
        latest = Math.max(latest, now);
        if (takeOne(states, [{ key: "k", capacity: 3, perSecond: 1 }], now).ok) granted++;
      }
      // The first take may come at a negative time; the window then is that much longer.
      const earliest = Math.min(0, moves[0] ?? 0);
      expect(granted).toBeLessThanOrEqual(3 + (latest - earliest) / 1000);
    }),
  );
});

test("A clock that runs backwards takes nothing away", () => {
  const states = new Map<string, BucketState>();
  const bucket = { key: "k", capacity: 3, perSecond: 1 };
  const granted = [10_000, 5000, 0, -5000].map((now) => takeOne(states, [bucket], now).ok);
  expect(granted).toEqual([true, true, true, false]);
});

test("A caller who asks all the time still gets its tokens", () => {
  const states = new Map<string, BucketState>();
  const bucket = { key: "k", capacity: 1, perSecond: 0.001 };
  let granted = 0;
  for (let now = 0; now <= 2_000_000; now += 10) if (takeOne(states, [bucket], now).ok) granted++;
  expect(granted).toBe(3);
});

test("Several buckets are taken all or none", () => {
  const key = fc.constantFrom("a", "b", "c");
  const bucket = fc.record({
    key,
    capacity: fc.integer({ min: 1, max: 3 }),
    perSecond: fc.constant(1),
  });
  fc.assert(
    fc.property(fc.array(fc.array(bucket, { minLength: 1, maxLength: 4 })), (takes) => {
      const states = new Map<string, BucketState>();
      for (const [index, buckets] of takes.entries()) {
        const before = new Map(states);
        const { ok } = takeOne(states, buckets, index * 100);
        const changed = [...states].filter(([name, state]) => before.get(name) !== state);
        const names = new Set(buckets.map((each) => each.key));
        expect(changed).toHaveLength(ok ? names.size : 0);
      }
    }),
  );
});
