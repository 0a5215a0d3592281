import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createSlots } from "../../src/limits/slots.ts";

test("Slots count open streams apart from running calls", () => {
  const slots = createSlots(1);
  const stream = slots.enter();
  expect(slots.enter()).toBeUndefined();
  stream?.becomeStream();
  const call = slots.enter();
  expect(call).toBeDefined();
  // The streams are full: this one stays a call.
  call?.becomeStream();
  expect(slots.enter()).toBeUndefined();
  stream?.release();
  expect(slots.enter()).toBeUndefined();
  call?.release();
  expect(slots.enter()).toBeDefined();
});

test("Slots are given back once, however often they are released", () => {
  const slots = createSlots(2);
  const first = slots.enter();
  first?.release();
  first?.release();
  first?.becomeStream();
  expect([slots.enter(), slots.enter(), slots.enter()].map(Boolean)).toEqual([true, true, false]);
});

test("Slots never hold more than max calls and max streams, and none are lost", () => {
  const action = fc.tuple(fc.constantFrom("enter", "stream", "release"), fc.nat(20));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(action), (max, actions) => {
      const slots = createSlots(max);
      const all: NonNullable<ReturnType<typeof slots.enter>>[] = [];
      const released = new Set<number>();
      for (const [what, which] of actions) {
        const at = which % Math.max(1, all.length);
        if (what === "enter") {
          const quota = slots.enter();
          if (quota) all.push(quota);
        } else if (what === "stream") {
          all[at]?.becomeStream();
        } else if (all[at]) {
          all[at].release();
          released.add(at);
        }
        expect(all.length - released.size).toBeLessThanOrEqual(2 * max);
      }
      for (const quota of all) quota.release();
      const after = Array.from({ length: max + 1 }, () => slots.enter());
      expect(after.filter(Boolean)).toHaveLength(max);
    }),
  );
});
