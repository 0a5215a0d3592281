import { expect, test } from "vitest";
import { createCanceller } from "../../src/core/index.ts";
import { type HeldCall, createHeld } from "../../src/upstreams/held.ts";
import { toHeldName } from "../../src/upstreams/remote/name.ts";
import { createFakeClock } from "./harness.ts";

const ann = { name: "web", subject: "ann" };

function openCall(): HeldCall {
  const { signal } = createCanceller();
  return {
    watch: { signal, end: () => undefined },
    messages: { leave: async () => undefined },
    questions: new Map(),
    isAttended: false,
  } as unknown as HeldCall;
}

test("held finds no call under the name that another process gave one of the same client", () => {
  const clock = createFakeClock();
  const one = createHeld(clock, 1_000, () => toHeldName("one", 1));
  const two = createHeld(clock, 1_000, () => toHeldName("two", 1));
  const call = openCall();
  const name = one.hold(ann, call) ?? "";
  two.hold(ann, openCall());
  expect(two.take(ann, name)).toBeUndefined();
  expect(one.take(ann, name)).toBe(call);
});
