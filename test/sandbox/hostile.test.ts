/** Plugins that mean harm, in real threads: what each may come to, and what it leaves behind. */
import { afterAll, describe, expect, test } from "vitest";
import { createCanceller } from "../../src/core/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import {
  type HostCall,
  type PluginSet,
  type PluginSpec,
  type StepEnd,
  createPluginPool,
} from "../../src/sandbox/index.ts";
import { cpu, jobs, memory, stack } from "./hostile/burn.ts";
import { errors, escape, loading, state, verdicts } from "./hostile/cheat.ts";
import { type End, type Hostile, hook } from "./hostile/kinds.ts";
import { limits, toSpec } from "./pool/harness.ts";

const sets = { cpu, memory, stack, jobs, verdicts, errors, state, escape, loading };

const ungranted: HostCall = (name) => Promise.resolve({ fault: `${name} is not granted` });

const { threads, clock, crypto } = await openRuntime();
const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const pool = createPluginPool({ threads, clock, crypto, log }, { threads: 1 });
/** How long each of them took, by how it ended: no time is asserted, whoever runs it can read it. */
const times = new Map<End, { readonly name: string; readonly ms: number }[]>();
afterAll(() => {
  pool.close();
  for (const [end, took] of times) {
    const worst = took.reduce((one, other) => (one.ms > other.ms ? one : other));
    console.log(`${took.length} end as ${end}; worst ${worst.ms.toFixed(0)} ms, ${worst.name}`);
  }
});

const neighbour = await open(
  hook("neighbour", "return call.name === 'no' ? deny('no') : allow();"),
);

async function open({ source, name }: Hostile): Promise<PluginSet | undefined> {
  const spec: PluginSpec = toSpec(name);
  const code = { ...spec.code, modules: [{ name: "hostile.js", source }] };
  const opened = await pool.open([{ ...spec, code, limits, host: () => ungranted }]);
  return "run" in opened ? opened : undefined;
}

async function call(set: PluginSet, { hook: at = "onToolCall", payload }: Hostile, client: string) {
  const [plugin] = set.all;
  if (plugin === undefined) throw new Error("Nothing is open");
  const given = payload ?? JSON.stringify({ name: "read", arguments: { path: "/tmp" } });
  const ctx = JSON.stringify({
    requestId: "1",
    method: "tools/call",
    client: { id: client, scopes: [], claims: {} },
    upstream: { name: "files" },
  });
  const step = { plugin, hook: at, payload: given, ctx, bytes: given.length };
  const about = { id: "1", client, time: 1_700_000_000_000 };
  const began = performance.now();
  const [end] = await set.run([step], about, createCanceller().signal);
  if (end === undefined) throw new Error("No step was run");
  const known = times.get(toEnd(end)) ?? [];
  times.set(toEnd(end), [...known, { name: plugin.name, ms: performance.now() - began }]);
  return end;
}

function toEnd({ outcome }: StepEnd): End {
  return outcome.action === "failed" ? outcome.code : outcome.action;
}

/** What it ends as, and what it says. */
async function attack(hostile: Hostile): Promise<{ readonly end: End; readonly said: string }> {
  const set = await open(hostile);
  if (set === undefined) return { end: "load", said: "" };
  try {
    let last: StepEnd | undefined;
    for (let at = 0; at < (hostile.calls ?? 1); at++) {
      last = await call(set, hostile, `client-${at}`);
    }
    if (last === undefined) throw new Error("It was not called");
    return { end: toEnd(last), said: JSON.stringify(last.outcome) };
  } finally {
    await set.close();
  }
}

describe.each(Object.entries(sets))("%s", (_, hostiles) => {
  test.each(hostiles.map((one) => [one.name, one] as const))("%s", async (_name, hostile) => {
    const { end, said } = await attack(hostile);
    expect(hostile.ends, said.slice(0, 300)).toContain(end);
    expect(said).not.toContain("escaped");
    // Whatever that was: whoever shares the thread does not feel it.
    if (neighbour === undefined) throw new Error("The neighbour did not open");
    const words = await Promise.all(
      ["yes", "no"].map((name) =>
        call(neighbour, hook("", "", { payload: JSON.stringify({ name }) }), "other"),
      ),
    );
    expect(words.map(toEnd)).toEqual(["allow", "deny"]);
  });
});

test("none of them took the thread down", () => {
  expect(pool.stats()).toMatchObject({ live: 1 });
});
