import { expect, test } from "vitest";
import { createExpiry } from "../../src/sessions/expiry.ts";
import { timerClock } from "./hand-timers.ts";

test("Expiry ends each thing its whole time after it was last touched, with one timer for all", () => {
  const clock = timerClock();
  const ended: string[] = [];
  const expiry = createExpiry<string>(clock, 100, (item) => ended.push(`${item} ${clock.now()}`));
  const start = clock.now();
  expiry.touch("a");
  clock.advance(30);
  expiry.touch("b");
  clock.advance(30);
  expiry.touch("a");
  expect(clock.pending()).toBe(1);
  clock.advance(69);
  expect(ended).toEqual([]);
  clock.advance(1);
  expect(ended).toEqual([`b ${start + 130}`]);
  clock.advance(30);
  expect(ended).toEqual([`b ${start + 130}`, `a ${start + 160}`]);
  expect([clock.pending(), expiry.entries()]).toEqual([0, 0]);
});

test("Expiry has no timer when nothing is left, and forgets what was dropped", () => {
  const clock = timerClock();
  const ended: string[] = [];
  const expiry = createExpiry<string>(clock, 100, (item) => ended.push(item));
  expiry.touch("a");
  expiry.touch("b");
  expiry.drop("a");
  expect(clock.pending()).toBe(1);
  clock.advance(100);
  expect(ended).toEqual(["b"]);
  expiry.touch("c");
  expiry.drop("c");
  expect(clock.pending()).toBe(0);
});

test("Expiry can be touched from what it ends", () => {
  const clock = timerClock();
  let count = 0;
  const expiry = createExpiry<string>(clock, 100, (item) => {
    if (++count < 3) expiry.touch(item);
  });
  expiry.touch("a");
  clock.advance(1000);
  expect([count, clock.pending()]).toEqual([3, 0]);
});
