import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createCanceller } from "../../src/core/index.ts";
import { createReplay } from "../../src/sessions/replay.ts";
import { settle } from "./hand-timers.ts";

const roomy = { maxEvents: 1000, maxUnits: 100_000 };
const { signal } = createCanceller();

/** What a reader has been given so far. */
function follow(events: AsyncIterable<string> | undefined) {
  const got: string[] = [];
  const state = { got, isOver: false };
  const run = async (): Promise<void> => {
    for await (const event of events ?? []) got.push(event);
    state.isOver = true;
  };
  void run();
  return state;
}
function open(bounds = roomy) {
  const replay = createReplay("s", bounds);
  const append = (count: number): string[] =>
    Array.from({ length: count }, () => replay.append('{"a":1}'));
  return { replay, append };
}

test("An event has the next number of its stream and one line of data", () => {
  const { replay } = open();
  expect(replay.append('{\n"a":1}')).toBe('id: s-1\ndata: { "a":1}\n\n');
  expect(replay.append("", 500)).toBe("retry: 500\nid: s-2\ndata: \n\n");
  expect(replay.append("[]")).toBe("id: s-3\ndata: []\n\n");
});

test("A reader gets what came after its event, then what comes, until the stream is closed", async () => {
  const { replay, append } = open();
  const sent = append(3);
  const reader = follow(replay.read(1, signal));
  await settle();
  expect(reader).toEqual({ got: sent.slice(1), isOver: false });
  sent.push(...append(2));
  await settle();
  expect(reader.got).toEqual(sent.slice(1));
  replay.close();
  await settle();
  expect(reader.isOver).toBe(true);
  const late = follow(replay.read(4, signal));
  await settle();
  expect(late).toEqual({ got: sent.slice(4), isOver: true });
});

test("Any split of reads gives the same events in the same order, none twice", async () => {
  const step = fc.oneof(
    fc.record({ append: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ read: fc.integer({ min: 1, max: 5 }) }),
    fc.constant({ breakOff: true }),
    fc.constant({ abort: true }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { replay, append } = open();
      const sent: string[] = [];
      const got: string[] = [];
      let canceller = createCanceller();
      let reader = replay.read(0, canceller.signal)![Symbol.asyncIterator]();
      const comeBack = (): void => {
        canceller = createCanceller();
        reader = replay.read(got.length, canceller.signal)![Symbol.asyncIterator]();
      };
      for (const each of steps) {
        if ("append" in each) sent.push(...append(each.append));
        if ("read" in each) {
          for (let i = 0; i < each.read && got.length < sent.length; i++) {
            got.push((await reader.next()).value as string);
          }
        }
        if ("breakOff" in each) comeBack();
        if ("abort" in each) {
          canceller.abort();
          expect(await reader.next()).toEqual({ done: true, value: undefined });
          comeBack();
        }
      }
      replay.close();
      for (let next = await reader.next(); next.done !== true; next = await reader.next()) {
        got.push(next.value);
      }
      expect(got).toEqual(sent);
      expect(new Set(got).size).toBe(got.length);
    }),
  );
});

test("Reads that are asked for at once are answered in their order", async () => {
  const { replay, append } = open();
  const reader = replay.read(0, signal)![Symbol.asyncIterator]();
  const asked = [reader.next(), reader.next(), reader.next()];
  const sent = append(2);
  replay.close();
  expect(await Promise.all(asked)).toEqual([
    { done: false, value: sent[0] },
    { done: false, value: sent[1] },
    { done: true, value: undefined },
  ]);
});

test("What is no longer kept, or was never sent, cannot be read", () => {
  const { replay, append } = open({ ...roomy, maxEvents: 3 });
  append(5);
  expect([0, 1].map((after) => replay.read(after, signal))).toEqual([undefined, undefined]);
  for (const after of [2, 3, 4, 5]) expect(replay.read(after, signal)).toBeDefined();
  expect(replay.read(6, signal)).toBeUndefined();
});

test("A stream keeps no more than its units, and nothing of an event that is larger", () => {
  const { replay } = open({ ...roomy, maxUnits: 60 });
  const length = replay.append("12345").length;
  for (let i = 0; i < 8; i++) replay.append("12345");
  expect(replay.units()).toBe(Math.floor(60 / length) * length);
  const large = replay.append("x".repeat(60));
  expect(large).toBe(`id: s-10\ndata: ${"x".repeat(60)}\n\n`);
  expect(replay.units()).toBe(0);
  expect(replay.read(9, signal)).toBeUndefined();
  expect(replay.read(10, signal)).toBeDefined();
});

test("A new reader ends the one before, which has not waited in vain", async () => {
  const { replay, append } = open();
  const before = follow(replay.read(0, signal));
  const after = follow(replay.read(0, signal));
  const sent = append(1);
  await settle();
  expect(before).toEqual({ got: [], isOver: true });
  expect(after).toEqual({ got: sent, isOver: false });
});

test("A reader that is overtaken by the bound ends, and leaves no gap", async () => {
  const { replay, append } = open({ ...roomy, maxEvents: 3 });
  const sent = append(3);
  const reader = replay.read(0, signal)![Symbol.asyncIterator]();
  expect(await reader.next()).toEqual({ done: false, value: sent[0] });
  append(2);
  expect(await reader.next()).toEqual({ done: true, value: undefined });
  expect(await reader.next()).toEqual({ done: true, value: undefined });
});

test("A reader ends by its signal, fired before or while it waits, and by its return", async () => {
  const { replay, append } = open();
  const canceller = createCanceller();
  const waiting = follow(replay.read(0, canceller.signal));
  await settle();
  canceller.abort();
  await settle();
  expect(waiting.isOver).toBe(true);
  const late = follow(replay.read(0, canceller.signal));
  append(1);
  await settle();
  expect(late).toEqual({ got: [], isOver: true });

  const reader = replay.read(1, signal)![Symbol.asyncIterator]();
  const next = reader.next();
  await reader.return?.();
  expect(await next).toEqual({ done: true, value: undefined });
  expect(await reader.next()).toEqual({ done: true, value: undefined });
});

test("A stream that is let go of keeps nothing, and its events still have their ids", async () => {
  const { replay, append } = open();
  append(2);
  const reader = follow(replay.read(2, signal));
  replay.letGo();
  expect(replay.append("[]")).toBe("id: s-3\ndata: []\n\n");
  await settle();
  expect(reader).toEqual({ got: [], isOver: true });
  expect(replay.units()).toBe(0);
  for (const after of [0, 2, 3]) expect(replay.read(after, signal)).toBeUndefined();
});

test("An event after the end of its stream has no id to come back with", () => {
  const { replay, append } = open();
  append(2);
  replay.close();
  expect(replay.append("[]")).toBe("data: []\n\n");
  expect(replay.read(3, signal)).toBeUndefined();
  expect(replay.read(1, signal)).toBeDefined();
});
