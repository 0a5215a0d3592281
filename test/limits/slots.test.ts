import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createSlotTable } from "../../src/limits/slots.ts";

test("Slots count open streams apart from running calls", () => {
  const table = createSlotTable();
  const slots = { enter: () => table.enter("a", 1) };
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
  const table = createSlotTable();
  const slots = { enter: () => table.enter("a", 2) };
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
      const table = createSlotTable();
      const slots = { enter: () => table.enter("a", max) };
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

test("Slots of one client are not another's, and a cap that changes counts the calls of before", () => {
  const table = createSlotTable();
  const calls = [table.enter("a", 2), table.enter("a", 2)];
  expect(table.enter("b", 1)).toBeDefined();
  expect(table.enter("a", 2)).toBeUndefined();
  const third = table.enter("a", 3);
  expect(third).toBeDefined();
  expect(table.enter("a", 1)).toBeUndefined();
  for (const call of [...calls, third]) call?.release();
  expect(table.enter("a", 1)).toBeDefined();
  expect(table.enter("a", 1)).toBeUndefined();
});

test("A slot that was given back long ago gives nothing back again", () => {
  const table = createSlotTable();
  const old = table.enter("a", 1);
  old?.release();
  const call = table.enter("a", 1);
  old?.release();
  expect(table.enter("a", 1)).toBeUndefined();
  call?.release();
  expect(table.enter("a", 1)).toBeDefined();
});
