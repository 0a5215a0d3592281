import { expect, test } from "vitest";
import { call, createRig, limits, orThrow, run, settle, toSpec, toSteps } from "./harness.ts";

const allow = { do: "allow" } as const;

function rigWithHost() {
  const answers: (() => void)[] = [];
  const host = () => () =>
    new Promise<{ value: string }>((resolve) => {
      answers.push(() => resolve({ value: "1" }));
    });
  return { ...createRig(), host, answer: () => answers.splice(0).forEach((one) => one()) };
}

test("a plugin that does not load opens nothing, and every fault is named", async () => {
  const { pool, threads, clock } = createRig();
  const bad = toSpec("b", { source: "bad" });
  const made = await pool.open([toSpec("a"), bad, toSpec("c", { source: "bad" })]);
  expect(made).toEqual([
    { fault: "No plugin", line: 3, file: "./plugins/b.ts" },
    { fault: "No plugin", line: 3, file: "./plugins/c.ts" },
  ]);
  await clock.advance(1_000);
  expect(threads.all.map((thread) => thread.isOver())).toEqual([true]);
});

test("inspect starts a thread where none is, which ends again in a second", async () => {
  const { pool, threads, clock } = createRig();
  const { code } = toSpec("a");
  expect(await pool.inspect(code, limits)).toMatchObject({ name: "a", version: "1.0.0" });
  expect(await pool.inspect(toSpec("b", { source: "bad" }).code, limits)).toEqual({
    fault: "No plugin",
    line: 3,
  });
  await clock.advance(999);
  expect(threads.all.map((thread) => thread.isOver())).toEqual([false]);
  await clock.advance(1);
  expect(threads.all.map((thread) => thread.isOver())).toEqual([true]);
});

test("a plugin that is opened after it was looked at has the same thread", async () => {
  const { pool, open, threads, clock } = createRig();
  await pool.inspect(toSpec("a").code, limits);
  await clock.advance(999);
  const set = await open(toSpec("a"));
  await clock.advance(5_000);
  expect(await call(set, allow)).toBe("allow");
  expect(threads.all).toHaveLength(1);
});

test("a call under way ends on the old set, whose instances are dropped then", async () => {
  const { open, threads, host, answer } = rigWithHost();
  const old = await open(toSpec("a", { host }));
  const waiting = call(old, { do: "wait" });
  await settle();
  const next = await open(toSpec("a", { host }));
  const closed = old.close();
  expect(await call(next, allow)).toBe("allow");
  expect(threads.all[0]?.engine.dropped()).toBe(0);
  answer();
  expect(await waiting).toBe("allow");
  await closed;
  await settle();
  expect(threads.all).toHaveLength(1);
  expect(threads.all[0]?.engine.dropped()).toBe(1);
  expect(await call(next, allow)).toBe("allow");
});

test("a closed set answers that it is closed", async () => {
  const { open } = createRig();
  const set = await open(toSpec("a"));
  await set.close();
  expect(await call(set, allow)).toBe("load_error");
});

test("the last set that closes ends the threads soon, and the next one starts them again", async () => {
  const { open, threads, clock } = createRig();
  const set = await open(toSpec("a"));
  await set.close();
  await clock.advance(1_000);
  expect(threads.all.map((thread) => thread.isOver())).toEqual([true]);
  expect(await call(await open(toSpec("a")), allow)).toBe("allow");
});

test("a thread that stands in for a lost one has the plugins of every set", async () => {
  const { open, threads } = createRig();
  const one = await open(toSpec("a"));
  const other = await open(toSpec("b"), toSpec("c"));
  threads.all[0]?.die();
  const ends = [await call(one, allow), ...(await run(other, toSteps(other, allow, allow)))];
  expect(ends).toMatchObject([
    "allow",
    { outcome: { action: "allow" } },
    { outcome: { action: "allow" } },
  ]);
});

test("closing a set that waits for a call settles once the call has ended", async () => {
  const { open, host, answer } = rigWithHost();
  const set = orThrow(await open(toSpec("a", { host })));
  const waiting = call(set, { do: "wait" });
  await settle();
  let isClosed = false;
  const closed = set.close().then(() => {
    isClosed = true;
  });
  await settle();
  expect(isClosed).toBe(false);
  answer();
  await waiting;
  await closed;
});
