import { expect, test } from "vitest";
import { type PluginHit, createCanceller } from "../../src/core/index.ts";
import { allow, deny } from "../../src/plugin.ts";
import { type Link, type Scene, askChain, inexact } from "../../src/stages/plugin-chain.ts";
import { type FakePlugin, fakePlugins } from "./fake-plugins.ts";

/** A chain about a number that plugins may change; negative ones cannot be shown. */
const scene: Scene<number> = {
  stage: "consult",
  look: (_, state) => (state < 0 ? inexact : { payload: String(state) }),
  ctx: () => "{}",
  change: (_, __, change) => {
    const value = change.action === "modify" ? Number(change.json) : Number.NaN;
    return value > 100 ? { fault: "Too large" } : value;
  },
};

async function ask(start: number, ...given: readonly FakePlugin[]) {
  const plugins = fakePlugins(...given);
  const links: Link[] = plugins.all.map((plugin) => ({ plugin, hook: "onToolCall" }));
  const hits: PluginHit[] = [];
  const about = { id: "1", client: "a", time: 0 };
  const { signal } = createCanceller();
  const answered = await askChain(links, scene, start, { run: plugins.run, about, signal, hits });
  return { answered, verdicts: hits.map(({ verdict }) => verdict), chains: plugins.chains };
}
const hook = (act: (state: number) => unknown, more: Partial<FakePlugin> = {}): FakePlugin => ({
  ...more,
  hooks: { onToolCall: act },
});
const to = (value: number) => ({ action: "modify", arguments: value as never });

test("a change is put to the plugins behind it, and to none before it", async () => {
  const seen: number[] = [];
  const notes = hook((state) => (seen.push(state), allow()));
  const { answered, verdicts, chains } = await ask(
    1,
    notes,
    hook(() => to(2)),
    notes,
    hook(() => to(3)),
    notes,
  );
  expect(answered).toEqual({ state: 3 });
  expect(seen).toEqual([1, 2, 3]);
  expect(chains.map(({ length }) => length)).toEqual([5, 3, 1]);
  expect(verdicts).toEqual(["allow", "modify", "allow", "modify", "allow"]);
});

test("a change that cannot be made is a failure, which denies", async () => {
  const { answered, verdicts } = await ask(
    1,
    hook(() => to(500)),
    hook(() => allow()),
  );
  expect(answered).toMatchObject({ refusal: { kind: "failed", code: "bad_verdict" } });
  expect(verdicts).toEqual(["bad_verdict"]);
});

test("a change that cannot be made is left out where failures allow, and the chain goes on", async () => {
  const { answered, verdicts } = await ask(
    1,
    hook(() => to(500), { onError: "allow" }),
    hook(() => to(2)),
  );
  expect(answered).toEqual({ state: 2 });
  expect(verdicts).toEqual(["bad_verdict", "modify"]);
});

test("what cannot be shown is a failure of each plugin that would see it", async () => {
  const never = hook(() => deny("asked"), { onError: "allow" });
  expect((await ask(-1, never, never)).answered).toEqual({ state: -1 });
  const shadow = hook(() => deny("asked"), { mode: "shadow" });
  const { answered, verdicts } = await ask(
    -1,
    shadow,
    never,
    hook(() => allow()),
  );
  expect(answered).toMatchObject({ refusal: { code: "input_unreadable" } });
  expect(verdicts).toEqual(["input_unreadable", "input_unreadable", "input_unreadable"]);
});

test("plugins that were never asked deny", async () => {
  const plugins = fakePlugins(
    hook(() => allow()),
    hook(() => allow()),
  );
  const links: Link[] = plugins.all.map((plugin) => ({ plugin, hook: "onToolCall" }));
  const about = { id: "1", client: "a", time: 0 };
  const run = async () => [];
  const { signal } = createCanceller();
  const answered = await askChain(links, scene, 1, { run, about, signal, hits: undefined });
  expect(answered).toMatchObject({ refusal: { kind: "failed", code: "worker_lost" } });
});
