import { expect, test } from "vitest";
import {
  type Cancellation,
  type Metered,
  type SubscriptionTarget,
  createCanceller,
} from "../../src/core/index.ts";
import { type SubscribeRooms, createSubscriber } from "../../src/stages/subscribe.ts";
import { empty } from "../../src/stages/subscription-words.ts";
import type { Watching } from "../../src/stages/watching.ts";
import { timerClock } from "../sessions/hand-timers.ts";

const target: SubscriptionTarget = {
  kind: "subscription",
  upstreams: [],
  lists: new Set(),
  resources: [],
};

/** A signal that tells how many listen to it. */
function counted(signal: Cancellation): { signal: Cancellation; count: () => number } {
  const acts = new Set<() => void>();
  return {
    count: () => acts.size,
    signal: {
      get aborted() {
        return signal.aborted;
      },
      addEventListener: (type, act, options) => {
        acts.add(act);
        signal.addEventListener(type, act, options);
      },
      removeEventListener: (type, act) => {
        acts.delete(act);
        signal.removeEventListener(type, act);
      },
    },
  };
}

test("A stream that is left in the middle of a message leaves no listener behind", async () => {
  const signals = [createCanceller(), createCanceller(), createCanceller()].map(({ signal }) =>
    counted(signal),
  );
  const [leaving, draining, succession] = signals;
  let ended = 0;
  const watch: SubscribeRooms["watch"] = async ({ signal }) => {
    signal.addEventListener("abort", () => void ended++);
    const watching: Partial<Watching> = {
      settled: async () => undefined,
      notifications: async function* () {
        for (;;) yield { kind: "notification", method: "notifications/x", params: empty };
      },
    };
    return watching as Watching;
  };
  const rooms: Partial<SubscribeRooms> = {
    clock: timerClock(),
    draining: draining!.signal,
    succession: { signal: succession!.signal, heir: () => undefined, hold: () => undefined },
    watch,
  };
  const input = { kind: "request", id: "1", caller: {} };
  const exchange = { input, signal: leaving!.signal } as unknown as Metered;
  const verdict = createSubscriber(rooms as SubscribeRooms).listen(exchange, target);
  if (verdict.verdict !== "answer") throw new Error("It was refused");
  const messages = verdict.answer[Symbol.asyncIterator]();
  for (let count = 0; count < 2; count++) expect((await messages.next()).done).toBe(false);
  expect(signals.map(({ count }) => count())).toEqual([1, 1, 1]);
  await messages.return?.();
  expect(signals.map(({ count }) => count())).toEqual([0, 0, 0]);
  expect(ended).toBe(1);
});
