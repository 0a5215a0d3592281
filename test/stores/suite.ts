/** What every store must do; each implementation runs it. */
import { expect, test } from "vitest";
import type { Bucket, Clock, Store } from "../../src/core/index.ts";
import { handClock } from "./ports.ts";

const bucket = (key: string, capacity: number, perSecond = 1): Bucket => ({
  key,
  capacity,
  perSecond,
});

export function storeSuite(name: string, open: (clock: Clock) => Store): void {
  test(`${name} gives a new bucket its whole burst, then one token per interval`, async () => {
    const clock = handClock();
    const store = open(clock);
    const taken = [];
    for (let i = 0; i < 4; i++) taken.push(await store.take([bucket("a", 3, 2)]));
    expect(taken.map((each) => each.ok)).toEqual([true, true, true, false]);
    expect(taken.map((each) => each.remaining)).toEqual([2, 1, 0, 0]);
    expect(taken[3]).toMatchObject({ key: "a", retryAfterMs: 500 });
    clock.advance(499);
    expect((await store.take([bucket("a", 3, 2)])).ok).toBe(false);
    clock.advance(1);
    expect((await store.take([bucket("a", 3, 2)])).ok).toBe(true);
    await store.close();
  });

  test(`${name} takes from all buckets or from none, and names the one that refused`, async () => {
    const store = open(handClock());
    await store.take([bucket("small", 1)]);
    for (let i = 0; i < 5; i++) {
      const taken = await store.take([bucket("large", 2), bucket("small", 1)]);
      expect(taken).toMatchObject({ ok: false, key: "small", remaining: 0 });
    }
    expect(await store.take([bucket("large", 2)])).toMatchObject({ ok: true, remaining: 1 });
    await store.close();
  });

  test(`${name} names the emptiest bucket where all had a token`, async () => {
    const store = open(handClock());
    const taken = await store.take([bucket("b5", 5), bucket("b2", 2), bucket("b9", 9)]);
    expect(taken).toEqual({ ok: true, remaining: 1, retryAfterMs: 0, key: "b2" });
    await store.close();
  });

  test(`${name} keeps a value until its time is over, or it is deleted`, async () => {
    const clock = handClock();
    const store = open(clock);
    await store.set("k", "one", 1000);
    await store.set("gone", "x", 1000);
    await store.delete("gone");
    expect(await store.get("gone")).toBeUndefined();
    clock.advance(999);
    expect(await store.get("k")).toBe("one");
    await store.set("k", "two", 1000);
    clock.advance(999);
    expect(await store.get("k")).toBe("two");
    clock.advance(1);
    expect(await store.get("k")).toBeUndefined();
    await store.close();
  });

  test(`${name} holds keys that are names of object members`, async () => {
    const store = open(handClock());
    for (const key of ["__proto__", "constructor", "toString", ""]) {
      expect(await store.get(key)).toBeUndefined();
      expect(await store.take([bucket(key, 1)])).toMatchObject({ ok: true });
      expect(await store.take([bucket(key, 1)])).toMatchObject({ ok: false });
    }
    await store.close();
  });
}
