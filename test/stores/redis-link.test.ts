import { EventEmitter } from "node:events";
import type { Redis } from "ioredis";
import { expect, test } from "vitest";
import { type Clock, StoreLost } from "../../src/core/index.ts";
import { openLink } from "../../src/stores/redis-link.ts";
import { crypto } from "./ports.ts";

const half = { ...crypto, randomBytes: (count: number) => new Uint8Array(count).fill(128) };
const away = new StoreLost("unreachable", "away");
const shown = "redis://h:6379/0";

/** Timers fire when the test says so; each is known by its delay. */
function delayClock(): Clock & { readonly delays: number[]; readonly fire: () => Promise<void> } {
  let time = 0;
  const delays: number[] = [];
  let next: { readonly ms: number; readonly act: () => void } | undefined;
  return {
    now: () => time,
    elapsed: () => time,
    delays,
    after: (ms, act) => {
      const mine = { ms, act };
      next = mine;
      delays.push(ms);
      return { cancel: () => (next = next === mine ? undefined : next) };
    },
    fire: async () => {
      const { ms, act } = next ?? { ms: 0, act: () => undefined };
      next = undefined;
      time += ms;
      act();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test("A link dials again after delays that double up to half a second, each drawn by chance", async () => {
  const clock = delayClock();
  let dials = 0;
  const dial = async (): Promise<Redis> => {
    dials++;
    throw away;
  };
  const settings = { dial, shown, deadlineMs: 1000, changed: () => undefined };
  const link = await openLink(settings, { clock, crypto: half });
  for (let i = 0; i < 6; i++) await clock.fire();
  expect(clock.delays).toEqual([37.5, 75, 150, 300, 375, 375, 375]);
  expect(dials).toBe(7);
  await expect(link.run(async () => "x")).rejects.toBe(away);
  await link.close();
});

test("A link that held for a while begins with the first delay, one that did not goes on", async () => {
  const clock = delayClock();
  const connections: EventEmitter[] = [];
  let isAway = false;
  const dial = async (): Promise<Redis> => {
    if (isAway) throw away;
    const connection = Object.assign(new EventEmitter(), {
      status: "end",
      ping: async () => "PONG",
    });
    connections.push(connection);
    return connection as unknown as Redis;
  };
  const settings = { dial, shown, deadlineMs: 1000, changed: () => undefined };
  const link = await openLink(settings, { clock, crypto: half });
  const breakOff = (): unknown => connections.at(-1)?.emit("end");
  breakOff();
  isAway = true;
  await clock.fire();
  isAway = false;
  await clock.fire();
  clock.delays.length = 0;
  breakOff();
  expect(clock.delays).toEqual([150]);
  await clock.fire();
  // Heartbeats: each is a timer of a second, and beside it the deadline of the ping.
  for (let i = 0; i < 6; i++) await clock.fire();
  clock.delays.length = 0;
  breakOff();
  expect(clock.delays).toEqual([37.5]);
  await link.close();
});
