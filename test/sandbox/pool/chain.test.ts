import { expect, test } from "vitest";
import { type Cancellation, createCanceller } from "../../../src/core/index.ts";
import type { HostCall, PluginSpec } from "../../../src/sandbox/index.ts";
import { about, call, createRig, limits, run, settle, toSpec, toSteps, toWord } from "./harness.ts";

const words = async (ends: ReturnType<typeof run>): Promise<string> =>
  (await ends).map(toWord).join(" ");

test("a chain runs all steps while they allow", async () => {
  const { open } = createRig();
  const set = await open(toSpec("a"), toSpec("b"), toSpec("c"));
  const steps = toSteps(set, { do: "allow" }, { do: "allow" }, { do: "allow" });
  expect(await words(run(set, steps))).toBe("allow allow allow");
});

test.each(["deny", "modify"] as const)("a chain ends with the first %s", async (what) => {
  const { open, threads } = createRig();
  const set = await open(toSpec("a"), toSpec("b"));
  expect(await words(run(set, toSteps(set, { do: what }, { do: "allow" })))).toBe(what);
  expect(threads.all[0]?.engine.calls).toHaveLength(1);
});

test("a chain goes on behind what a shadow says, and does not apply it", async () => {
  const { open } = createRig();
  const set = await open(toSpec("a", { mode: "shadow" }), toSpec("b"));
  const steps = toSteps(set, { do: "deny" }, { do: "deny" });
  expect(await words(run(set, steps))).toBe("(deny) deny");
});

test("a failure ends the chain, unless the config lets it pass", async () => {
  const { open } = createRig();
  const set = await open(toSpec("a", { onError: "allow" }), toSpec("b"), toSpec("c"));
  const failed = { do: "fail", code: "threw" } as const;
  const steps = toSteps(set, failed, failed, { do: "allow" });
  expect(await words(run(set, steps))).toBe("(threw) threw");
});

test("a chain without steps needs no thread, and neither does a pool without plugins", async () => {
  const { open, threads, pool } = createRig();
  const set = await open();
  expect(await run(set, [])).toEqual([]);
  expect(threads.all.filter((one) => !one.isOver())).toEqual([]);
  expect(pool.stats().live).toBe(0);
});

test("the guest gets the time of the call, and a seed that the request's id decides", async () => {
  const { open, threads } = createRig();
  const set = await open(toSpec("a"));
  await call(set, { do: "allow" });
  await call(set, { do: "allow" });
  const other = { ...about, id: "request-2" };
  await set.run(toSteps(set, { do: "allow" }), other, createCanceller().signal);
  const [first, second, third] = threads.all[0]?.engine.calls ?? [];
  expect(first?.now).toBe(about.time);
  expect(first?.seed).toBe(second?.seed);
  expect(first?.seed).not.toBe(third?.seed);
});

test("a payload over the limit is denied and does not reach the thread", async () => {
  const { open, threads } = createRig();
  const set = await open(toSpec("a"));
  const [step] = toSteps(set, { do: "allow" });
  if (step === undefined) throw new Error("no step");
  const payload = JSON.stringify("x".repeat(limits.maxInputKb * 1024));
  expect(await words(run(set, [{ ...step, payload }]))).toBe("input_too_large");
  expect(threads.all[0]?.engine.calls).toEqual([]);
});

test("what a guest asks of the host is answered in the name of its client", async () => {
  const asked: unknown[] = [];
  const host = (client: string): HostCall => {
    return async (...args) => {
      asked.push([client, ...args]);
      return { value: "41" };
    };
  };
  const { open } = createRig();
  const set = await open(toSpec("a", { host }));
  const [end] = await run(set, toSteps(set, { do: "wait" }));
  expect(end?.outcome).toEqual({ action: "allow", note: "41" });
  expect(asked).toEqual([["client-1", "kv.get", '["key"]']]);
});

test("each step has a host of its own, which counts what that step asks for", async () => {
  let made = 0;
  const host = (): HostCall => {
    made++;
    return () => Promise.resolve({ value: "1" });
  };
  const { open } = createRig();
  const set = await open(toSpec("a", { host }));
  await run(set, toSteps(set, { do: "wait" }));
  await run(set, toSteps(set, { do: "wait" }));
  expect(made).toBe(2);
});

test("fifty calls that wait are served by eight instances", async () => {
  const answers: (() => void)[] = [];
  const host = (): HostCall => () =>
    new Promise((resolve) => {
      answers.push(() => resolve({ value: "1" }));
    });
  const { open, threads } = createRig();
  const set = await open(toSpec("a", { host }));
  const calls = Array.from({ length: 50 }, () => call(set, { do: "wait" }));
  let most = 0;
  while (answers.length > 0 || most === 0) {
    // oxlint-disable-next-line no-await-in-loop -- the next ones ask when these are answered
    await settle();
    most = Math.max(most, answers.length);
    for (const answer of answers.splice(0)) answer();
    // oxlint-disable-next-line no-await-in-loop
    await settle();
  }
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 50 }, () => "allow"));
  expect(most).toBe(8);
  expect(threads.all[0]?.engine.opened()).toBe(8);
});

test("a call that waits for an instance fails when its time is over", async () => {
  const { open, clock } = createRig();
  const one = { ...limits, maxInstances: 1 };
  const set = await open(toSpec("a", { limits: one }));
  const calls = [call(set, { do: "stay" }), call(set, { do: "allow" })];
  await settle();
  await clock.advance(1_100);
  expect(await Promise.all(calls)).toEqual(["wall_timeout", "wall_timeout"]);
  expect(await call(set, { do: "allow" })).toBe("allow");
});

test("an instance that broke is made anew, and counted", async () => {
  const { open, threads } = createRig();
  const set = await open(toSpec("a"));
  expect(await call(set, { do: "break" })).toBe("crash");
  expect(await call(set, { do: "allow" })).toBe("allow");
  expect(set.stats()[0]?.reopened).toBe(1);
  expect(threads.all[0]?.engine.dropped()).toBe(1);
});

test("a call that is cancelled fails at once, and what it asks for is refused", async () => {
  const { open, threads } = createRig();
  const signals: Cancellation[] = [];
  const host = (_: string, signal: Cancellation) => {
    signals.push(signal);
    return () => new Promise<never>(() => undefined);
  };
  const set = await open(toSpec("a", { host }));
  const canceller = createCanceller();
  const ends = run(set, toSteps(set, { do: "wait" }), canceller.signal);
  await settle();
  canceller.abort();
  expect(await words(ends)).toBe("wall_timeout");
  await settle();
  expect(await call(set, { do: "allow" })).toBe("allow");
  expect(threads.all[0]?.engine.opened()).toBe(1);
  // The first one's host gives up what it does, and the second one's need not.
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
});

test("a call that was cancelled before does not reach the thread", async () => {
  const { open, threads } = createRig();
  const set = await open(toSpec("a"));
  const canceller = createCanceller();
  canceller.abort();
  expect(await words(run(set, toSteps(set, { do: "allow" }), canceller.signal))).toBe(
    "wall_timeout",
  );
  expect(threads.all[0]?.engine.calls).toEqual([]);
});

test("what a guest writes reaches the log on one line, with nothing that a terminal obeys", async () => {
  const { open, lines } = createRig();
  const set = await open(toSpec("a"));
  await call(set, { do: "log", text: "one\ntwo\u001b[2J\u202e" });
  expect(lines.map(({ message }) => message)).toEqual([
    'Plugin "a" says: one<U+000A>two<U+001B>[2J<U+202E>',
  ]);
});

test("a plugin that writes without end is cut, and the log says so", async () => {
  const { open, lines, clock } = createRig();
  const set = await open(toSpec("a"));
  for (let i = 0; i < 600; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await call(set, { do: "log", text: "line" });
  }
  expect(lines).toHaveLength(500);
  await clock.advance(10_000);
  await call(set, { do: "log", text: "line" });
  expect(lines[500]?.message).toBe('Plugin "a" wrote 100 lines too many');
});

test("the counters say what the calls of a hook came to and cost", async () => {
  const { open } = createRig();
  const set = await open(toSpec("a"));
  for (const deed of ["allow", "deny", "wait"] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await call(set, { do: deed });
  }
  await call(set, { do: "fail", code: "memory" });
  expect(set.stats()[0]?.hooks).toEqual([
    {
      hook: "onToolCall",
      calls: 4,
      outcomes: { allow: 2, deny: 1, modify: 0, redact: 0, failed: 1 },
      failures: { memory: 1 },
      ms: 8,
      maxMs: 2,
      wallMs: 12,
      fuel: 40,
      maxMemory: 1000,
      hostCalls: 1,
    },
  ]);
});

test("the meter of a plugin hears of each of its calls, and of those that did not come to it", async () => {
  const { open } = createRig();
  const heard: string[] = [];
  const meter: NonNullable<PluginSpec["meter"]> = (hook, { outcome, fuel }) =>
    void heard.push(
      `${hook} ${outcome.action === "failed" ? outcome.code : outcome.action} ${fuel}`,
    );
  const set = await open({ ...toSpec("a"), meter }, toSpec("b"));
  await run(set, toSteps(set, { do: "allow" }, { do: "deny" }));
  for (let i = 0; i < 5; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await call(set, { do: "fail", code: "threw" });
  }
  await call(set, { do: "allow" });
  expect(heard).toEqual([
    "onToolCall allow 10",
    ...Array.from({ length: 5 }, () => "onToolCall threw 10"),
    "onToolCall quarantined 0",
  ]);
});
