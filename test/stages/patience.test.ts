import { expect, test } from "vitest";
import { patienceMs, patiently } from "../../src/stages/patience.ts";
import { createFakeClock } from "../http/fakes.ts";

test("patiently gives what came in time, and lets no timer stand", async () => {
  const { clock, timers } = createFakeClock();
  expect(await patiently(clock, "it", Promise.resolve(7))).toBe(7);
  expect(timers()).toBe(0);
});

test("patiently gives a failure when it takes too long", async () => {
  const { clock, advance } = createFakeClock();
  const given = patiently(clock, "it", new Promise<number>(() => undefined));
  advance(patienceMs);
  expect(await given).toMatchObject({ kind: "failure", code: "UPSTREAM_TIMEOUT" });
});

test("patiently turns a rejection into a failure", async () => {
  const { clock } = createFakeClock();
  const given = await patiently(clock, "it", Promise.reject(new Error("broken")));
  expect(given).toMatchObject({ kind: "failure", code: "UPSTREAM_UNAVAILABLE" });
});
