import { expect, test } from "vitest";
import type { Order } from "../../../src/sandbox/thread/index.ts";
import { packOrder, unpackOrder } from "../../../src/sandbox/thread/wire.ts";

const large = "x".repeat(100_000);

function toOrder(...payloads: readonly string[]): Order {
  const shared = { mode: "enforce", onError: "deny", hook: "onToolCall" } as const;
  const steps = payloads.map((payload, plugin) => {
    const ctx = payload === "a" ? "{}" : `{"a":"${large}"}`;
    return { ...shared, plugin, payload, ctx, now: 1, seed: 2, bytes: 3 };
  });
  return { type: "run", id: 7, steps };
}

test.each([
  ["one step", toOrder(large)],
  ["steps that see the same", toOrder(large, large, large)],
  ["steps that see this and that", toOrder("a", large, "b", large, `${large}y`, "a", large)],
])("an order of %s comes out as it went in", (_, order) => {
  expect(unpackOrder(structuredClone(packOrder(order)))).toEqual(order);
});

test("what many plugins see of one message is sent once", () => {
  const sizeOf = (count: number) =>
    JSON.stringify(packOrder(toOrder(...Array.from({ length: count }, () => large)))).length;
  expect(sizeOf(8)).toBeLessThan(sizeOf(1) + 1_000);
});
