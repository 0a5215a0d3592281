import { expect, test } from "vitest";
import { createCanceller } from "../../../src/core/index.ts";
import type { PluginSet } from "../../../src/sandbox/index.ts";
import { about, call, createRig, run, settle, toSpec, toSteps } from "./harness.ts";

const threw = { do: "fail", code: "threw" } as const;
const allow = { do: "allow" } as const;

async function failTimes(set: PluginSet, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await call(set, threw)).toBe("threw");
  }
}
const stateOf = (set: PluginSet): string | undefined => set.stats()[0]?.quarantine;

test("the fifth failure within a minute puts a plugin into quarantine, and a call is denied", async () => {
  const { open, threads, lines } = createRig();
  const set = await open(toSpec("a"));
  await failTimes(set, 4);
  expect(await call(set, allow)).toBe("allow");
  await failTimes(set, 1);
  expect(await call(set, allow)).toBe("quarantined");
  expect(threads.all[0]?.engine.calls).toHaveLength(6);
  expect(lines.map(({ level }) => level)).toEqual(["warn"]);
});

test("failures that lie further apart than a minute do not add up", async () => {
  const { open, clock } = createRig();
  const set = await open(toSpec("a"));
  await failTimes(set, 4);
  await clock.advance(60_000);
  await failTimes(set, 4);
  expect(await call(set, allow)).toBe("allow");
});

test("quarantine lets pass only where the config lets failures pass", async () => {
  const { open } = createRig();
  const set = await open(toSpec("a", { onError: "allow" }), toSpec("b"));
  for (let i = 0; i < 5; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await call(set, threw)).toBe("(threw)");
  }
  const ends = await run(set, toSteps(set, allow, { do: "deny" }));
  expect(ends.map(({ outcome, applies }) => [outcome.action, applies])).toEqual([
    ["failed", false],
    ["deny", true],
  ]);
});

test("a quarantined step behind one that denies changes nothing", async () => {
  const { open } = createRig();
  const set = await open(toSpec("a"), toSpec("b"));
  for (let i = 0; i < 5; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await run(set, toSteps(set, allow, threw));
  }
  const said = async (deed: "allow" | "deny") =>
    (await run(set, toSteps(set, { do: deed }, allow))).map(({ outcome }) => outcome.action);
  expect(await said("deny")).toEqual(["deny"]);
  expect(await said("allow")).toEqual(["allow", "failed"]);
});

test("after half a minute one call probes, and its success ends the quarantine", async () => {
  const { open, clock } = createRig();
  const set = await open(toSpec("a"));
  await failTimes(set, 5);
  await clock.advance(29_999);
  expect(await call(set, allow)).toBe("quarantined");
  await clock.advance(1);
  const both = [call(set, allow), call(set, allow)];
  expect(await Promise.all(both)).toEqual(["allow", "quarantined"]);
  expect(await call(set, allow)).toBe("allow");
  expect(stateOf(set)).toBe("none");
});

test("a probe that fails begins another half minute", async () => {
  const { open, clock } = createRig();
  const set = await open(toSpec("a"));
  await failTimes(set, 5);
  await clock.advance(30_000);
  await failTimes(set, 1);
  await clock.advance(29_999);
  expect(await call(set, allow)).toBe("quarantined");
  await clock.advance(1);
  expect(await call(set, allow)).toBe("allow");
});

test("a probe that never came to its plugin is made by the next call", async () => {
  const { open, clock } = createRig();
  const set = await open(toSpec("a"), toSpec("b"));
  for (let i = 0; i < 5; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await run(set, toSteps(set, allow, threw));
  }
  await clock.advance(30_000);
  await run(set, toSteps(set, { do: "deny" }, allow));
  const ends = await run(set, toSteps(set, allow, allow));
  expect(ends.map(({ outcome }) => outcome.action)).toEqual(["allow", "allow"]);
});

test("clients cannot bring a plugin into quarantine by what they send, or by going away", async () => {
  const { open } = createRig();
  const set = await open(toSpec("a"));
  for (let i = 0; i < 6; i++) {
    const canceller = createCanceller();
    const gone = run(set, toSteps(set, { do: "stay" }), canceller.signal);
    canceller.abort();
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await gone;
    // oxlint-disable-next-line no-await-in-loop
    await call(set, { do: "fail", code: "input_too_large" });
    // oxlint-disable-next-line no-await-in-loop
    await call(set, { do: "fail", code: "input_unreadable" });
  }
  expect(stateOf(set)).toBe("none");
});

test("a call that began before the quarantine does not end it", async () => {
  let answer = (): void => undefined;
  const host = () => () =>
    new Promise<{ value: string }>((resolve) => {
      answer = () => resolve({ value: "1" });
    });
  const { open } = createRig();
  const set = await open(toSpec("a", { host }));
  const early = call(set, { do: "wait" });
  await settle();
  await failTimes(set, 5);
  answer();
  expect(await early).toBe("allow");
  expect(await call(set, allow)).toBe("quarantined");
});

test("one client's failures keep the plugin from that client alone", async () => {
  const { open } = createRig();
  const set = await open(toSpec("a"));
  await failTimes(set, 5);
  expect(await call(set, allow)).toBe("quarantined");
  const [end] = await set.run(
    toSteps(set, allow),
    { ...about, client: "client-2" },
    createCanceller().signal,
  );
  expect(end?.outcome.action).toBe("allow");
  expect(stateOf(set)).toBe("quarantined");
});

test("a plugin that fails at what it is only told still decides", async () => {
  const { open, lines } = createRig();
  const set = await open(toSpec("a"));
  const told = toSteps(set, threw).map((step) => ({ ...step, hook: "onAudit" as const }));
  for (let i = 0; i < 6; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await run(set, told);
  }
  expect(lines.map(({ level }) => level)).toEqual(["warn"]);
  expect(await call(set, allow)).toBe("allow");
});

test("the plugin says for how many clients it is shut, until the next call of each may go in", async () => {
  const { open, clock } = createRig();
  const set = await open(toSpec("a"));
  const shutFor = () => set.stats()[0]?.quarantinedFor;
  const signal = createCanceller().signal;
  const fail = async (client: string, hook: "onToolCall" | "onAudit"): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      const steps = toSteps(set, threw).map((step) => ({ ...step, hook }));
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await set.run(steps, { ...about, client }, signal);
    }
  };
  expect(shutFor()).toBe(0);
  await fail("client-1", "onToolCall");
  await fail("client-1", "onAudit");
  expect(shutFor()).toBe(1);
  await clock.advance(10_000);
  await fail("client-2", "onToolCall");
  expect(shutFor()).toBe(2);
  await clock.advance(20_000);
  expect(shutFor()).toBe(1);
  expect(await call(set, threw)).toBe("threw");
  expect(shutFor()).toBe(2);
  await clock.advance(30_000);
  expect(shutFor()).toBe(0);
});

test.each(["deny", "allow"] as const)(
  "a change that cannot be made is a bad verdict, and counts as one under onError %s",
  async (onError) => {
    const { open } = createRig();
    const set = await open(toSpec("a", { onError }), toSpec("b"));
    const steps = toSteps(set, { do: "modify" }, allow);
    const checked = steps.map((step) => ({ ...step, check: () => "It leaves two keys alike" }));
    for (let i = 0; i < 5; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const ends = await run(set, checked);
      // The thread did not go on behind a change, so that whoever asked has to.
      expect(ends.map(({ outcome, applies }) => [outcome, applies])).toEqual([
        [
          { action: "failed", code: "bad_verdict", why: "It leaves two keys alike" },
          onError === "deny",
        ],
      ]);
    }
    expect(stateOf(set)).toBe("quarantined");
    expect(set.stats()[0]?.hooks[0]?.failures).toEqual({ bad_verdict: 5 });
  },
);
