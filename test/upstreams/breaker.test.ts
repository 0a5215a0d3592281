import { expect, test } from "vitest";
import { createBreaker } from "../../src/upstreams/breaker.ts";
import { createFakeClock } from "./harness.ts";

function rig(answers: readonly boolean[] = []) {
  const clock = createFakeClock();
  const left = [...answers];
  let probes = 0;
  const breaker = createBreaker(clock, async () => {
    probes++;
    return left.shift() ?? false;
  });
  const isOpen = (): boolean => breaker.refusal() !== undefined;
  return { clock, breaker, isOpen, probes: () => probes };
}

test("breaker lets two misses pass and refuses behind the third", () => {
  const { breaker, isOpen } = rig();
  breaker.missed();
  breaker.missed();
  expect(isOpen()).toBe(false);
  breaker.missed();
  expect(breaker.refusal()).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
});

test("breaker counts misses in a row alone", () => {
  const { breaker, isOpen } = rig();
  for (let i = 0; i < 10; i++) {
    breaker.missed();
    breaker.missed();
    breaker.reached();
  }
  expect(isOpen()).toBe(false);
});

test("breaker asks less and less often, and lets everybody through behind the first answer", async () => {
  const { clock, breaker, isOpen, probes } = rig([false, false, true]);
  for (let i = 0; i < 3; i++) breaker.missed();
  await clock.advance(999);
  expect(probes()).toBe(0);
  await clock.advance(1);
  expect(probes()).toBe(1);
  await clock.advance(2_000);
  expect(probes()).toBe(2);
  expect(isOpen()).toBe(true);
  await clock.advance(4_000);
  expect(probes()).toBe(3);
  expect(isOpen()).toBe(false);
});

test("breaker never waits longer than half a minute, and asks no more once it is closed", async () => {
  const { clock, breaker, probes } = rig();
  for (let i = 0; i < 3; i++) breaker.missed();
  for (let i = 0; i < 20; i++) await clock.advance(30_000);
  expect(probes()).toBeGreaterThanOrEqual(18);
  const before = probes();
  breaker.close();
  await clock.advance(600_000);
  expect(probes()).toBe(before);
});
