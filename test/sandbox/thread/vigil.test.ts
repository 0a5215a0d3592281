import { expect, test } from "vitest";
import { createVigil } from "../../../src/sandbox/thread/vigil.ts";

function watch(momentMs = 1) {
  let now = 0;
  let next: (() => void) | undefined;
  const vigil = createVigil(
    {
      elapsed: () => now,
      turn: (act) => {
        if (next !== undefined) throw new Error("It turns twice");
        next = act;
      },
    },
    momentMs,
  );
  return {
    ...vigil,
    pass: (ms: number) => void (now += ms),
    /** Whether the loop was kept from sleeping. */
    turns: (): boolean => {
      const act = next;
      next = undefined;
      act?.();
      return act !== undefined;
    },
  };
}

/** What is awaited comes after so long. */
function come(vigil: ReturnType<typeof watch>, ms: number): void {
  vigil.begin();
  vigil.pass(ms);
  vigil.end();
}

test("vigil lets the loop sleep until something has come within a moment", () => {
  const vigil = watch();
  vigil.begin();
  expect(vigil.turns()).toBe(false);
  come(vigil, 5);
  vigil.begin();
  expect(vigil.turns()).toBe(false);
  come(vigil, 0.9);
  vigil.begin();
  expect(vigil.turns()).toBe(true);
});

test("vigil ends with the moment, and with what comes", () => {
  const vigil = watch();
  come(vigil, 0.5);
  vigil.begin();
  vigil.pass(0.5);
  expect([vigil.turns(), vigil.turns()]).toEqual([true, true]);
  vigil.pass(0.5);
  expect([vigil.turns(), vigil.turns()]).toEqual([true, false]);
  come(vigil, 0.5);
  vigil.begin();
  vigil.end();
  expect([vigil.turns(), vigil.turns()]).toEqual([true, false]);
});

test("vigil turns once however often it begins, and for a moment from the last time", () => {
  const vigil = watch();
  come(vigil, 0.5);
  vigil.begin();
  vigil.pass(0.9);
  vigil.begin();
  vigil.pass(0.5);
  expect([vigil.turns(), vigil.turns()]).toEqual([true, true]);
});

test("vigil is not kept where a rest goes before it", () => {
  const vigil = watch();
  come(vigil, 0.5);
  vigil.pass(1);
  vigil.begin();
  expect(vigil.turns()).toBe(false);
});

test("vigil is not kept after something came late, nor for a moment of nothing", () => {
  const vigil = watch();
  come(vigil, 0.5);
  come(vigil, 1);
  vigil.turns();
  vigil.begin();
  expect(vigil.turns()).toBe(false);
  const none = watch(0);
  come(none, 0);
  none.begin();
  expect(none.turns()).toBe(false);
});
