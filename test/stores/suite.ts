/** What every store must do; each implementation runs it. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Bucket, Store } from "../../src/core/index.ts";

export interface StoreUnderTest {
  readonly store: Store;
  /** Lets that much time go by, by hand where the store has a clock of the test's own. */
  readonly wait: (ms: number) => Promise<void>;
}

const bucket = (key: string, capacity: number, perSecond = 1): Bucket => ({
  key,
  capacity,
  perSecond,
});
const mebibyte = 1024 * 1024;

export function storeSuite(name: string, open: () => Promise<StoreUnderTest>): void {
  const check = (title: string, act: (under: StoreUnderTest) => Promise<void>): void =>
    test(`${name} ${title}`, async () => {
      const under = await open();
      try {
        await act(under);
      } finally {
        await under.store.close();
      }
    });

  check("gives a new bucket its whole burst, then one token per interval", async (under) => {
    const { store, wait } = under;
    const taken = [];
    for (let i = 0; i < 4; i++) taken.push(await store.take([bucket("a", 3, 2)]));
    expect(taken.map((each) => each.ok)).toEqual([true, true, true, false]);
    expect(taken.map((each) => each.remaining)).toEqual([2, 1, 0, 0]);
    const [last] = taken.slice(-1);
    expect(last).toMatchObject({ key: "a" });
    expect(last?.retryAfterMs).toBeGreaterThan(300);
    expect(last?.retryAfterMs).toBeLessThanOrEqual(500);
    await wait(200);
    expect((await store.take([bucket("a", 3, 2)])).ok).toBe(false);
    await wait((last?.retryAfterMs ?? 0) - 200);
    expect((await store.take([bucket("a", 3, 2)])).ok).toBe(true);
    expect((await store.take([bucket("a", 3, 2)])).ok).toBe(false);
  });

  check(
    "takes from all buckets or from none, and names the one that refused",
    async ({ store }) => {
      await store.take([bucket("small", 1, 0.01)]);
      for (let i = 0; i < 5; i++) {
        const taken = await store.take([bucket("large", 2, 0.01), bucket("small", 1, 0.01)]);
        expect(taken).toMatchObject({ ok: false, key: "small", remaining: 0 });
      }
      expect(await store.take([bucket("large", 2, 0.01)])).toMatchObject({
        ok: true,
        remaining: 1,
      });
    },
  );

  check("names the bucket that lets wait longest", async ({ store }) => {
    const buckets = [bucket("fast", 1, 1), bucket("slow", 1, 0.01), bucket("full", 9, 1)];
    await store.take(buckets);
    expect(await store.take(buckets)).toMatchObject({ ok: false, key: "slow" });
  });

  check("names the emptiest bucket where all had a token", async ({ store }) => {
    const taken = await store.take([bucket("b5", 5), bucket("b2", 2), bucket("b9", 9)]);
    expect(taken).toEqual({ ok: true, remaining: 1, retryAfterMs: 0, key: "b2" });
  });

  check("takes twice from a bucket that is named twice", async ({ store }) => {
    const twice = [bucket("k", 3, 0.01), bucket("k", 3, 0.01)];
    expect(await store.take(twice)).toMatchObject({ ok: true, remaining: 1 });
    expect(await store.take(twice)).toMatchObject({ ok: false });
    expect(await store.take([bucket("k", 3, 0.01)])).toMatchObject({ ok: true, remaining: 0 });
  });

  check("takes from no bucket without end", async ({ store }) => {
    const taken = await store.take([]);
    expect(taken).toEqual({ ok: true, remaining: Infinity, retryAfterMs: 0, key: "" });
  });

  check("lets exactly the burst through, however many ask at once", async ({ store }) => {
    const taken = await Promise.all(
      Array.from({ length: 200 }, () => store.take([bucket("k", 20, 0.01), bucket("l", 90, 0.01)])),
    );
    expect(taken.filter(({ ok }) => ok)).toHaveLength(20);
  });

  check("keeps a value until its time is over, or it is deleted", async ({ store, wait }) => {
    await store.set("k", "one", 300);
    await store.set("gone", "x", 60_000);
    await store.delete("gone");
    await store.delete("never there");
    expect(await store.get("gone")).toBeUndefined();
    await wait(150);
    expect(await store.get("k")).toBe("one");
    await store.set("k", "two", 300);
    await wait(200);
    expect(await store.get("k")).toBe("two");
    await wait(110);
    expect(await store.get("k")).toBeUndefined();
  });

  check(
    "marks once, whoever asks first, until the mark's time is over",
    async ({ store, wait }) => {
      const set = await Promise.all(
        Array.from({ length: 50 }, (_, i) => store.setOnce("used", `by ${i}`, 200)),
      );
      expect(set.filter(Boolean)).toHaveLength(1);
      expect(await store.get("used")).toBe(`by ${set.indexOf(true)}`);
      await wait(210);
      expect(await store.setOnce("used", "again", 60_000)).toBe(true);
      await store.set("value", "x", 60_000);
      expect(await store.setOnce("value", "y", 60_000)).toBe(false);
      expect(await store.get("value")).toBe("x");
    },
  );

  check("replaces only what is expected", async ({ store, wait }) => {
    expect(await store.replace("k", "one", "two", 60_000)).toBe(false);
    expect(await store.get("k")).toBeUndefined();
    expect(await store.replace("k", undefined, "one", 60_000)).toBe(true);
    expect(await store.replace("k", undefined, "two", 60_000)).toBe(false);
    expect(await store.replace("k", "on", "two", 60_000)).toBe(false);
    expect(await store.replace("k", "", "two", 60_000)).toBe(false);
    expect(await store.get("k")).toBe("one");
    expect(await store.replace("k", "one", "", 200)).toBe(true);
    expect(await store.get("k")).toBe("");
    expect(await store.replace("k", undefined, "x", 200)).toBe(false);
    expect(await store.replace("k", "", "äöü€😀", 200)).toBe(true);
    expect(await store.get("k")).toBe("äöü€😀");
    await wait(210);
    expect(await store.get("k")).toBeUndefined();
  });

  check("loses no change where each is made with replace", async ({ store }) => {
    await store.set("n", "0", 60_000);
    const increment = async (): Promise<void> => {
      const found = (await store.get("n")) ?? "";
      const isMine = await store.replace("n", found, String(Number(found) + 1), 60_000);
      return isMine ? undefined : increment();
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    expect(await store.get("n")).toBe("20");
  });

  check("takes a value of one MiB in UTF-8, and none that is larger", async ({ store }) => {
    const largest = "é".repeat(mebibyte / 2);
    await store.set("k", largest, 60_000);
    expect(await store.get("k")).toBe(largest);
    const tooLarge = `${largest}x`;
    await expect(store.set("k", tooLarge, 60_000)).rejects.toThrow(RangeError);
    await expect(store.setOnce("other", tooLarge, 60_000)).rejects.toThrow(RangeError);
    await expect(store.replace("k", largest, tooLarge, 60_000)).rejects.toThrow(RangeError);
    expect(await store.get("k")).toBe(largest);
  });

  check("holds keys that are names of object members", async ({ store }) => {
    for (const key of ["__proto__", "constructor", "toString", ""]) {
      expect(await store.get(key)).toBeUndefined();
      expect(await store.take([bucket(key, 1, 0.01)])).toMatchObject({ ok: true });
      expect(await store.take([bucket(key, 1, 0.01)])).toMatchObject({ ok: false });
      expect(await store.get(key)).toBeUndefined();
    }
  });

  check("holds any key and any text", async ({ store }) => {
    const text = fc.string({ unit: "grapheme" });
    await fc.assert(
      fc.asyncProperty(text, text, async (key, value) => {
        await store.set(key, value, 60_000);
        expect(await store.get(key)).toBe(value);
      }),
      { numRuns: 50 },
    );
  });
}
