import { expect, test } from "vitest";
import { createMemoryBus, openMemoryStore, openStore } from "../../src/stores/index.ts";
import { busSuite } from "./bus-suite.ts";
import { silentLog } from "./open.ts";
import { crypto, handClock } from "./ports.ts";
import { storeSuite } from "./suite.ts";

storeSuite("The memory store", async () => {
  const clock = handClock();
  return { store: openMemoryStore({ clock }), wait: async (ms) => clock.advance(ms) };
});

busSuite("The memory bus", async () => {
  const bus = createMemoryBus({ log: silentLog });
  return { buses: [bus, bus], close: async () => undefined };
});

test("The memory store gives a token at its millisecond, and ends a value at its own", async () => {
  const clock = handClock();
  const store = openMemoryStore({ clock });
  const bucket = { key: "a", capacity: 1, perSecond: 2 };
  await store.take([bucket]);
  expect((await store.take([bucket])).retryAfterMs).toBe(500);
  await store.set("k", "one", 500);
  clock.advance(499);
  expect((await store.take([bucket])).ok).toBe(false);
  expect(await store.get("k")).toBe("one");
  clock.advance(1);
  expect((await store.take([bucket])).ok).toBe(true);
  expect(await store.get("k")).toBeUndefined();
});

test("The memory store keeps its values through a flood of buckets", async () => {
  const store = openMemoryStore({ clock: handClock() });
  await store.set("session", "here", 60_000);
  for (let i = 0; i < 150_000; i++) await store.take([{ key: `k${i}`, capacity: 1, perSecond: 1 }]);
  expect(await store.get("session")).toBe("here");
  // The first ones were displaced, the last ones are still counted.
  expect(await store.take([{ key: "k0", capacity: 1, perSecond: 1 }])).toMatchObject({ ok: true });
  const last = { key: "k149999", capacity: 1, perSecond: 1 };
  expect(await store.take([last])).toMatchObject({ ok: false });
});

test("The memory store bounds what its values weigh together", async () => {
  const store = openMemoryStore({ clock: handClock() });
  const large = "x".repeat(1024 * 1024);
  for (let i = 0; i < 70; i++) await store.set(`k${i}`, large, 60_000);
  const kept = [];
  for (let i = 0; i < 70; i++) kept.push((await store.get(`k${i}`)) !== undefined);
  expect(kept.filter(Boolean)).toHaveLength(63);
  expect(kept[69]).toBe(true);
});

test("A store in memory is opened with its bus, and is never lost", async () => {
  const ports = { clock: handClock(), crypto, log: silentLog };
  const { store, bus, state, close } = await openStore("memory", ports);
  const heard: string[] = [];
  await bus.subscribe("c", (text) => heard.push(text));
  await bus.publish("c", "x");
  await store.set("k", "v", 1000);
  expect([heard, await store.get("k"), state()]).toEqual([["x"], "v", "up"]);
  await close();
});
