import { expect, test } from "vitest";
import { openMemoryStore } from "../../src/stores/index.ts";
import { handClock } from "./ports.ts";
import { storeSuite } from "./suite.ts";

storeSuite("The memory store", (clock) => openMemoryStore({ clock }));

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
  const large = "x".repeat(10 * 1024 * 1024);
  for (let i = 0; i < 10; i++) await store.set(`k${i}`, large, 60_000);
  const kept = [];
  for (let i = 0; i < 10; i++) kept.push((await store.get(`k${i}`)) !== undefined);
  expect(kept.filter(Boolean)).toHaveLength(6);
  expect(kept[9]).toBe(true);
});
