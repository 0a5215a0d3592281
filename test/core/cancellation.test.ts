import { expect, test } from "vitest";
import { createCanceller } from "../../src/core/index.ts";

test("a canceller tells each listener once, and those that left not at all", () => {
  const { signal, abort } = createCanceller();
  const told: string[] = [];
  const leaver = () => told.push("leaver");
  signal.addEventListener("abort", () => told.push("a"));
  signal.addEventListener("abort", leaver);
  signal.addEventListener("abort", () => told.push("b"), { once: true });
  signal.removeEventListener("abort", leaver);
  expect(signal.aborted).toBe(false);
  abort();
  abort();
  expect(told).toEqual(["a", "b"]);
  expect(signal.aborted).toBe(true);
});

test("a listener that comes after the end is not told", () => {
  const { signal, abort } = createCanceller();
  abort();
  signal.addEventListener("abort", () => expect.unreachable());
  abort();
});
