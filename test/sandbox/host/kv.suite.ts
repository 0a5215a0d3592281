/** What `kv` must do on any store. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HostGrants, HostPorts } from "../../../src/sandbox/index.ts";
import { createAsk } from "./ports.ts";

export interface KvUnderTest {
  /** Two instances of a gateway on one store. */
  readonly ports: readonly [HostPorts, HostPorts];
  readonly wait: (ms: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

export function kvSuite(name: string, open: () => Promise<KvUnderTest>): void {
  const check = (title: string, act: (under: KvUnderTest) => Promise<void>): void =>
    test(title, async () => {
      const under = await open();
      try {
        await act(under);
      } finally {
        await under.close();
      }
    });
  const client = { kv: "client" } as const;
  const shared = { kv: "shared" } as const;

  describe(`kv on ${name}`, () => {
    check(
      "keeps JSON from call to call, for every instance, until it is deleted",
      async (under) => {
        const [one, other] = under.ports.map((ports) => createAsk(ports, client));
        const value = { a: [1, null, "ü\0\ud800"], ["__proto__"]: { b: true } };
        expect(await one?.("kv.get", "k")).toBeNull();
        expect(await one?.("kv.set", "k", value)).toBeNull();
        expect(JSON.stringify(await other?.("kv.get", "k"))).toBe(JSON.stringify(value));
        expect(await other?.("kv.delete", "k")).toBeNull();
        expect(await one?.("kv.get", "k")).toBeNull();
        expect(await one?.("kv.delete", "k")).toBeNull();
      },
    );

    check("ends a value after its ttlSeconds, which set begins anew", async ({ ports, wait }) => {
      const ask = createAsk(ports[0], client);
      await ask("kv.set", "k", 1, { ttlSeconds: 2 });
      await wait(1_000);
      await ask("kv.set", "k", 2, { ttlSeconds: 3 });
      await wait(1_500);
      expect(await ask("kv.get", "k")).toBe(2);
      await wait(1_600);
      expect(await ask("kv.get", "k")).toBeNull();
    });

    check("counts in a fixed window that incr never begins anew", async ({ ports, wait }) => {
      const ask = createAsk(ports[0], client);
      const hit = () => ask("kv.incr", "calls", 1, { ttlSeconds: 3 });
      expect([await hit(), await hit()]).toEqual([1, 2]);
      await wait(1_000);
      expect(await hit()).toBe(3);
      await wait(2_100);
      expect(await hit()).toBe(1);
    });

    check("loses no step of two instances that count at once", async ({ ports }) => {
      const asks = ports.map((each) => createAsk(each, client));
      const sums = await Promise.all(
        Array.from({ length: 60 }, (_, i) => asks[i % 2]?.("kv.incr", "n", 1)),
      );
      const all = Array.from({ length: 60 }, (_, i) => i + 1);
      expect(sums.sort((a, b) => Number(a) - Number(b))).toEqual(all);
    });

    check("keeps clients and plugins apart, whatever they are called", async ({ ports }) => {
      const names = ["a", "b", "a:b", "a\nb", '["a","b"]', 'a","b', "", "*", "__proto__", "A", "ä"];
      const asks = names.flatMap((plugin) =>
        names.map((client) => ({
          who: JSON.stringify([plugin, client]),
          ask: createAsk(ports[0], { kv: "client" }, { plugin, client }),
        })),
      );
      const keys = ["k", "b:k", 'b","k', "../b/k"];
      for (const { who, ask } of asks) {
        for (const key of keys) expect(await ask("kv.get", key)).toBeNull();
        for (const key of keys) await ask("kv.set", key, `${who} ${key}`);
      }
      for (const { who, ask } of asks) {
        for (const key of keys) expect(await ask("kv.get", key)).toBe(`${who} ${key}`);
      }
    });

    check("shares keys between clients where that is granted, and nowhere else", async (under) => {
      const { ports } = under;
      const ofGuard = (grants: HostGrants, client: string, plugin = "guard") =>
        createAsk(ports[0], grants, { client, plugin });
      await ofGuard(shared, "a")("kv.set", "k", "all");
      expect(await ofGuard(shared, "b")("kv.get", "k")).toBe("all");
      expect(await ofGuard(client, "a")("kv.get", "k")).toBeNull();
      expect(await ofGuard(client, "")("kv.get", "k")).toBeNull();
      expect(await ofGuard(shared, "a", "other")("kv.get", "k")).toBeNull();
    });

    check("holds 1000 keys of one client, and no other client pays for them", async ({ ports }) => {
      const asks = ports.map((each) => createAsk(each, client));
      for (let i = 0; i < 1_000; i++) await asks[i % 2]?.("kv.set", `k${i}`, i);
      const [ask] = asks;
      expect(await ask?.("kv.set", "more", 1)).toBe(
        "fault: kv holds 1000 keys, and takes no other one",
      );
      expect(await asks[1]?.("kv.incr", "more")).toMatch(/^fault: kv holds 1000 keys/);
      expect(await ask?.("kv.set", "k5", "again")).toBeNull();
      expect(await ask?.("kv.incr", "k7")).toBe(8);
      expect(await createAsk(ports[0], client, { client: "other" })("kv.set", "k", 1)).toBeNull();
      await ask?.("kv.delete", "k9");
      expect(await ask?.("kv.set", "more", 1)).toBeNull();
      expect(await ask?.("kv.set", "k9", 1)).toMatch(/^fault: kv holds/);
    });

    check("holds any key and any JSON", async ({ ports }) => {
      const ask = createAsk(ports[0], client);
      const key = fc.string({ unit: "binary", maxLength: 100 });
      await fc.assert(
        fc.asyncProperty(key, fc.jsonValue(), async (key, value) => {
          expect(await ask("kv.set", key, value)).toBeNull();
          const expected: unknown = JSON.parse(JSON.stringify(value));
          expect(await ask("kv.get", key)).toEqual(expected);
        }),
        { numRuns: 50 },
      );
    });
  });
}
