/** The pool over real threads, with QuickJS in them. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createCanceller } from "../../../src/core/index.ts";
import { openRuntime } from "../../../src/runtime/index.ts";
import {
  type PluginPool,
  type PluginSet,
  type PluginSpec,
  type Step,
  createPluginPool,
} from "../../../src/sandbox/index.ts";
import { about, createLines, limits, orThrow, run, toSpec, toWord } from "./harness.ts";

const { threads, clock, crypto } = await openRuntime();
/** The thread that was started last is gone, as after a crash. */
let crash = (): void => undefined;
const pool: PluginPool = createPluginPool({
  clock,
  crypto,
  log: createLines().log,
  threads: {
    ...threads,
    start: (ears) => {
      const thread = threads.start(ears);
      crash = () => {
        thread.terminate();
        ears.ended("It crashed");
      };
      return thread;
    },
  },
});
const sets: PluginSet[] = [];
/** While a plugin is open there is a thread, which all tests share. */
let keeper: PluginSet;
beforeAll(async () => {
  keeper = await openSet(toPlugin("keeper", good));
});
afterEach(async () => {
  await Promise.all(sets.splice(0).map((set) => set.close()));
});
afterAll(() => pool.close());

function toPlugin(name: string, hook: string, changes: Partial<PluginSpec> = {}): PluginSpec {
  const source = `import { allow, deny } from "mcp-gw/plugin";
    export default { name: "${name}", version: "1.0.0", ${hook} };`;
  const spec = toSpec(name);
  return {
    ...spec,
    code: { ...spec.code, modules: [{ name: `${name}.js`, source }] },
    ...changes,
  };
}
const good = "onToolCall(call) { return call.name === 'no' ? deny('no') : allow(); }";
const burning = "onToolCall(call) { if (call.name === 'burn') for (;;); return allow(); }";
const waiting =
  "async onToolCall(call, ctx) { const n = await ctx.kv.get('n'); return allow({ note: String(n) }); }";

async function openSet(...specs: readonly PluginSpec[]): Promise<PluginSet> {
  return orThrow(await pool.open(specs));
}
async function open(...specs: readonly PluginSpec[]): Promise<PluginSet> {
  const set = await openSet(...specs);
  sets.push(set);
  return set;
}
function toStep(set: PluginSet, at: number, name: string): Step {
  const plugin = set.all[at];
  if (plugin === undefined) throw new Error(`There is no plugin ${at}`);
  const payload = JSON.stringify({ name, arguments: {} });
  const ctx = JSON.stringify({ requestId: "1", method: "tools/call", upstream: { name: "u" } });
  return { plugin, hook: "onToolCall", payload, ctx, bytes: payload.length };
}
async function call(set: PluginSet, at: number, name: string): Promise<string> {
  return (await run(set, [toStep(set, at, name)])).map(toWord).join(" ");
}

test("a pool reads a plugin's traits in a thread", async () => {
  const said = await pool.inspect(toPlugin("a", good).code, limits);
  expect(said).toMatchObject({ name: "a", version: "1.0.0", hooks: ["onToolCall"] });
});

test("a pool says why a file is no plugin, and opens nothing then", async () => {
  const said = await pool.open([toPlugin("a", good), toPlugin("b", "onToolCall(")]);
  expect(said).toMatchObject([{ file: "./plugins/b.ts" }]);
});

test("a chain of two plugins is decided in the thread", async () => {
  const set = await open(toPlugin("a", good), toPlugin("b", good));
  const ends = await run(set, [toStep(set, 0, "yes"), toStep(set, 1, "no")]);
  expect(ends.map(({ outcome }) => outcome)).toMatchObject([
    { action: "allow" },
    { action: "deny", reason: "no" },
  ]);
});

test("a plugin that burns ends by its limit, and neither the event loop nor a neighbour suffers", async () => {
  const set = await open(toPlugin("a", burning), toPlugin("b", good));
  let beats = 0;
  const beat = setInterval(() => beats++, 1);
  const burnt = call(set, 0, "burn");
  const neighbour = call(set, 1, "yes");
  expect(await burnt).toBe("timeout");
  clearInterval(beat);
  expect(beats).toBeGreaterThan(3);
  expect(await neighbour).toBe("allow");
  expect(await call(set, 0, "yes")).toBe("allow");
});

test("fifty calls that wait for the host end with its answers", async () => {
  const host = () => async () => ({ value: "41" });
  const set = await open(toPlugin("a", waiting, { host }));
  const ends = await Promise.all(
    Array.from({ length: 50 }, () => run(set, [toStep(set, 0, "yes")])),
  );
  expect(new Set(ends.flat().map(({ outcome }) => JSON.stringify(outcome)))).toEqual(
    new Set(['{"action":"allow","note":"41"}']),
  );
});

test("a call that is cancelled ends at once, and its instance serves the next one", async () => {
  let asked = (): void => undefined;
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let asks = 0;
  const host = () => () => {
    asked();
    return asks++ === 0 ? new Promise<never>(() => undefined) : Promise.resolve({ value: "1" });
  };
  const one = { ...limits, maxInstances: 1 };
  const set = await open(toPlugin("a", waiting, { host, limits: one }));
  const canceller = createCanceller();
  const gone = set.run([toStep(set, 0, "yes")], about, canceller.signal);
  await isAsked;
  canceller.abort();
  expect((await gone).map(toWord)).toEqual(["wall_timeout"]);
  expect(await call(set, 0, "yes")).toBe("allow");
});

test("a reload answers by the new plugins while a call ends by the old ones", async () => {
  let answer = (): void => undefined;
  const host = () => () =>
    new Promise<{ value: string }>((resolve) => {
      answer = () => resolve({ value: '"old"' });
    });
  const old = await open(toPlugin("a", waiting, { host }));
  const ends = run(old, [toStep(old, 0, "yes")]);
  const next = await open(toPlugin("a", good));
  const closed = old.close();
  expect(await call(next, 0, "no")).toBe("deny");
  answer();
  expect((await ends)[0]?.outcome).toEqual({ action: "allow", note: "old" });
  await closed;
  expect(pool.stats()).toMatchObject({ live: 1, started: 1, lost: 0 });
});

test("every plugin starts anew with each call", async () => {
  const set = await open(
    toPlugin(
      "a",
      "onToolCall() { globalThis.n = (globalThis.n ?? 0) + 1; return allow({ note: String(globalThis.n) }); }",
    ),
  );
  for (let i = 0; i < 3; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const [end] = await run(set, [toStep(set, 0, "yes")]);
    expect(end?.outcome).toEqual({ action: "allow", note: "1" });
  }
});

test("a thread that crashes in the middle of a call fails it, and another one has all plugins", async () => {
  let asked = (): void => undefined;
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const host = () => () => {
    asked();
    return new Promise<never>(() => undefined);
  };
  const set = await open(toPlugin("a", waiting, { host }), toPlugin("b", good));
  const lost = call(set, 0, "yes");
  await isAsked;
  crash();
  expect(await lost).toBe("worker_lost");
  expect(await call(set, 1, "no")).toBe("deny");
  expect(await call(keeper, 0, "yes")).toBe("allow");
  expect(pool.stats()).toMatchObject({ live: 1, started: 2, lost: 1 });
});
