import { expect, test } from "vitest";
import { type PluginSet, createPluginPool } from "../../../src/sandbox/index.ts";
import type { Order } from "../../../src/sandbox/thread/index.ts";
import { createFakeClock } from "../../upstreams/harness.ts";
import {
  call,
  createLines,
  createRig,
  crypto,
  limits,
  run,
  settle,
  toSpec,
  toSteps,
  toWord,
} from "./harness.ts";

const allow = { do: "allow" } as const;

test("a thread that hangs is given up, and another one answers the next call", async () => {
  const { open, clock, threads, pool } = createRig();
  const set = await open(toSpec("a"));
  const hung = call(set, { do: "hang" });
  await settle();
  await clock.advance(4 * limits.cpuMs + 250 + 100);
  expect(await hung).toBe("worker_lost");
  expect(threads.all.map((one) => one.isOver())).toEqual([true, false]);
  expect(await call(set, allow)).toBe("allow");
  expect(pool.stats()).toEqual({ live: 1, started: 2, lost: 1, zombies: 0 });
});

test("a hook gets its time before its thread is given up", async () => {
  const { open, clock, pool } = createRig();
  const set = await open(toSpec("a"));
  void call(set, { do: "hang" });
  await settle();
  await clock.advance(4 * limits.cpuMs + 250);
  expect(pool.stats().lost).toBe(0);
});

test("the calls of neighbours are lost with the thread, and only the culprit is blamed", async () => {
  const { open, clock } = createRig();
  const host = () => () => new Promise<never>(() => undefined);
  const set = await open(toSpec("a", { host }), toSpec("b"));
  const waiting = Array.from({ length: 6 }, () => run(set, toSteps(set, { do: "wait" })));
  await settle();
  const hung = run(set, toSteps(set, allow, { do: "hang" }));
  await settle();
  await clock.advance(600);
  for (const ends of await Promise.all([...waiting, hung])) {
    expect(ends.map(toWord)).toEqual(["worker_lost"]);
  }
  expect(set.stats().map(({ quarantine, lostThreads }) => [quarantine, lostThreads])).toEqual([
    ["none", 0],
    ["none", 1],
  ]);
});

test("a plugin that took down three threads stays out until it is loaded anew", async () => {
  const { open, clock, lines } = createRig({}, false);
  const set = await open(toSpec("a"));
  for (let i = 0; i < 3; i++) {
    const hung = call(set, { do: "hang" });
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await settle();
    // oxlint-disable-next-line no-await-in-loop
    await clock.advance(600);
    // oxlint-disable-next-line no-await-in-loop
    expect(await hung).toBe("worker_lost");
  }
  await clock.advance(600_000);
  expect(await call(set, allow)).toBe("quarantined");
  expect(lines.at(-1)).toEqual({
    level: "error",
    message: 'Plugin "a" took down 3 threads and stays out until it is loaded anew',
  });
  expect(await call(await open(toSpec("a")), allow)).toBe("allow");
});

test("threads that the runtime cannot end are counted", async () => {
  const { open, clock, pool } = createRig({}, false);
  const set = await open(toSpec("a"));
  const hung = call(set, { do: "hang" });
  await settle();
  await clock.advance(600);
  await hung;
  expect(pool.stats().zombies).toBe(1);
});

test("a thread that ends by itself fails its calls, and the next one is good", async () => {
  const { open, threads, pool, clock } = createRig();
  const set = await open(toSpec("a", { host: () => () => new Promise(() => undefined) }));
  const lost = call(set, { do: "wait" });
  await settle();
  await clock.advance(1);
  threads.all[0]?.die();
  expect(await lost).toBe("worker_lost");
  expect(await call(set, allow)).toBe("allow");
  expect(pool.stats()).toEqual({ live: 1, started: 2, lost: 1, zombies: 0 });
  expect(set.stats()[0]?.lostThreads).toBe(0);
});

test("calls are dealt to the thread that has the least to do", async () => {
  const { open, threads } = createRig({ threads: 2 });
  const set = await open(toSpec("a", { host: () => () => new Promise(() => undefined) }));
  for (let i = 0; i < 4; i++) {
    void call(set, { do: "wait" });
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await settle();
  }
  expect(threads.all.map(({ engine }) => engine.calls.length)).toEqual([2, 2]);
});

test("a call that no thread takes up ends all the same", async () => {
  const { open, clock } = createRig();
  const one = { ...limits, maxInstances: 1 };
  const set = await open(toSpec("a", { limits: one }));
  const calls = Array.from({ length: 3 }, () => call(set, { do: "stay" }));
  await settle();
  await clock.advance(3_000);
  expect(new Set(await Promise.all(calls))).toEqual(new Set(["wall_timeout"]));
});

test("closing the pool ends what is under way, and nothing runs afterwards", async () => {
  const { open, pool, threads } = createRig();
  const set = await open(toSpec("a", { host: () => () => new Promise(() => undefined) }));
  const waiting = call(set, { do: "wait" });
  await settle();
  pool.close();
  expect(await waiting).toBe("worker_lost");
  expect(await call(set, allow)).toBe("worker_lost");
  expect(threads.all.every((thread) => thread.isOver())).toBe(true);
});

test("the program stays awake for a thread that answered soon, and not for one that took its time", async () => {
  const { open, clock, threads } = createRig();
  const set = await open(toSpec("a"));
  const turning = (): boolean => {
    const turns = threads.turns.splice(0);
    for (const turn of turns) turn();
    return turns.length > 0;
  };
  expect(await call(set, allow)).toBe("allow");
  expect(turning()).toBe(true);
  const slow = call(set, { do: "stay" });
  await settle();
  await clock.advance(2 * limits.wallMs);
  expect(await slow).toBe("wall_timeout");
  while (turning());
  const next = call(set, allow);
  expect(turning()).toBe(false);
  expect(await next).toBe("allow");
});

test("threads whose engine breaks as it opens are not started one after the other", async () => {
  const clock = createFakeClock();
  const { log } = createLines();
  let started = 0;
  const pool = createPluginPool({
    clock,
    log,
    crypto,
    threads: {
      cores: 2,
      endsBusy: true,
      momentMs: 0,
      turn: () => undefined,
      start: ({ hear, ended }) => {
        const isFirst = ++started === 1;
        queueMicrotask(() => hear({ type: "ready" }));
        return {
          post: (message) => {
            const order = message as Order;
            if (isFirst && order.type === "open")
              queueMicrotask(() => hear({ type: "opened", id: order.id }));
            else if (order.type !== "begin") queueMicrotask(() => ended("It broke"));
          },
          terminate: () => undefined,
        };
      },
    },
  });
  const set = (await pool.open([toSpec("a")])) as PluginSet;
  expect(await call(set, allow)).toBe("worker_lost");
  for (let round = 0; round < 10; round++) await settle();
  expect(started).toBe(2);
  await clock.advance(1_000);
  expect(await call(set, allow)).toBe("worker_lost");
  expect(started).toBe(3);
});
