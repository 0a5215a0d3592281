/**
 * What plugins cost: the engine alone (the worker's own time), the way through a worker, the stage
 * where no plugin matches, and the event loop's longest gap while a plugin burns its limit. Needs
 * `npm run build`.
 *
 *     node bench/plugins.js [--dist ../dist] [--rounds 200] [--mixed 0]
 *
 * `--mixed 100000` makes that many calls of all kinds instead, and prints the resident memory.
 */
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { proseOf } from "./prose.js";

const { values } = parseArgs({
  options: {
    dist: { type: "string", default: "../dist" },
    rounds: { type: "string", default: "200" },
    mixed: { type: "string", default: "0" },
  },
});
const rounds = Number(values.rounds);
const from = (module) => import(`${values.dist}/${module}`);
const { createCanceller } = await from("core/index.js");
const { openRuntime } = await from("runtime/index.js");
const { createEngine, createPluginPool, defaultLimits } = await from("sandbox/index.js");
const { consult } = await from("stages/consult.js");
const { createPluginDesk } = await from("stages/plugin-desk.js");

const allow = 'import { allow } from "mcp-gw/plugin";';
const plugin = (name, body) => `export default { name: "${name}", version: "1.0.0", ${body} };`;
const sample = (name) => readFileSync(new URL(`samples/${name}.js`, import.meta.url), "utf8");
const sources = {
  empty: `${allow} ${plugin("empty", "onToolCall() { return allow(); }, onText() { return allow(); }")}`,
  policy: sample("policy"),
  word: `${allow} ${plugin("word", 'onText: (text) => text.includes("CONFIDENTIAL") ? { action: "deny" } : allow()')}`,
  words: sample("words"),
  burn: plugin("burn", "onToolCall() { for (;;); }"),
  mixed: `${allow} const kept = []; ${plugin(
    "mixed",
    `onToolCall({ name, arguments: { n } }) {
      if (name === "throw") throw new Error("thrown " + n);
      if (name === "loop") for (;;);
      if (name === "exhaust") for (;;) kept.push(new Uint8Array(1 << 20).fill(n));
      kept.push(n);
      return allow({ note: kept.join() });
    }`,
  )}`,
};
const config = { blocked: ["drop_all"], mostAmount: 1000, hours: { from: 0, to: 24 } };
const payload = JSON.stringify({
  name: "write_report",
  arguments: {
    path: "/data/shared/reports/2026/q3.txt",
    amount: 120,
    region: "eu-west-1",
    note: "as it was said in the meeting of the twelfth, with all figures",
  },
});
const ctx = {
  requestId: "01JQ0000000000000000000001",
  method: "tools/call",
  protocolVersion: "2026-07-28",
  client: {
    id: "web-app",
    subject: "somebody@example.com",
    scopes: [],
    claims: {},
    clientInfo: { name: "app", version: "1.0.0" },
  },
  upstream: { name: "files" },
  tool: { name: "write_report", annotations: { readOnlyHint: false } },
};
const text = JSON.stringify(proseOf(10_240));
const textCtx = { ...ctx, direction: "to_client", source: "tool_result" };
const toCall = (hook, json, about) => ({
  hook,
  payload: json,
  ctx: JSON.stringify(about),
  bytes: json.length,
});
const cases = [
  ["empty hook, 200 B", "empty", toCall("onToolCall", payload, ctx)],
  ["100-line policy, 200 B", "policy", toCall("onToolCall", payload, ctx)],
  ["empty onText, 10 KB", "empty", toCall("onText", text, textCtx)],
  ["onText, one word, 10 KB", "word", toCall("onText", text, textCtx)],
  ["onText, three words, 10 KB", "words", toCall("onText", text, textCtx)],
];

const now = 1_772_000_000_000;
const noHost = async () => ({ fault: "There is no host" });
const toCode = (name) => ({
  file: `${name}.js`,
  sha256: "00",
  modules: [{ name: `${name}.js`, source: sources[name] }],
});
const at = (numbers, part) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * part)];
const cell = (value) => value.toFixed(value < 1 ? 3 : 1).padStart(9);
const print = (name, samples) =>
  console.log(name.padEnd(28), ...[0.01, 0.1, 0.5, 0.9].map((part) => cell(at(samples, part))));
const title = (what) => console.log(`\n${what} (load ${loadavg()[0].toFixed(1)})`);
const columns = () => console.log("".padEnd(28), "    p1        p10       p50       p90");

/** The same code as in a worker, without the way there: what a call takes of the worker's time. */
async function measureEngine() {
  const engine = await createEngine({
    elapsed: () => performance.now(),
    after: (ms, act) => {
      const timer = setTimeout(act, ms);
      return { cancel: () => clearTimeout(timer) };
    },
    sha256: (data) => createHash("sha256").update(data).digest("hex"),
    randomUUID,
  });
  title("µs of the worker's time for a call, reset included");
  columns();
  for (const [name, source, call] of cases) {
    const opened = await engine.open(toCode(source), JSON.stringify(config), defaultLimits);
    if ("fault" in opened) throw new Error(opened.fault);
    const batch = 20;
    const samples = [];
    for (let round = 0; round < rounds * 5; round++) {
      const start = performance.now();
      for (let i = 0; i < batch; i++) await opened.call({ ...call, now, seed: round }, noHost);
      samples.push(((performance.now() - start) * 1000) / batch);
    }
    print(name, samples.slice(rounds));
  }
}

const { threads, clock, crypto } = await openRuntime();
const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const pool = createPluginPool({ threads, clock, crypto, log });
const about = { id: "01JQ0000000000000000000001", client: "web-app", time: now };

async function open(names, limits = defaultLimits, fits = () => true) {
  const set = await pool.open(
    names.map((name) => ({
      plugin: {
        name,
        version: "1.0.0",
        file: `${name}.js`,
        sha256: "00",
        hooks: new Set(["onToolCall", "onText"]),
        mode: "enforce",
        onError: "deny",
        fits,
      },
      code: toCode(name),
      config: JSON.stringify(config),
      limits,
      host: () => noHost,
    })),
  );
  if (Array.isArray(set)) throw new Error(JSON.stringify(set));
  return set;
}
async function run(set, call) {
  const [end] = await set.run([{ plugin: set.all[0], ...call }], about, createCanceller().signal);
  return end.outcome;
}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
function spin(ms) {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/**
 * From the stages' question to its answer: one after the other, between which the program does
 * something else for a moment, as a gateway does that has much to do; and out of a rest, in which
 * both threads have gone to sleep.
 */
async function measureWay() {
  const sets = new Map();
  for (const name of ["empty", "policy", "word", "words"]) sets.set(name, await open([name]));
  const busy = await measureCalls(sets, 20, () => spin(0.1));
  const rested = await measureCalls(sets, 3, () => sleep(2));
  for (const [what, rows] of [
    ["µs of latency through a worker, 0.1 ms after the last call", busy],
    ["µs of latency through a worker, after a rest of 2 ms", rested],
  ]) {
    title(what);
    columns();
    for (const { name, samples } of rows) print(name, samples.slice(samples.length / 4));
  }
  await Promise.all([...sets.values()].map((set) => set.close()));
}
async function measureCalls(sets, times, before) {
  const rows = cases.map(([name, source, call]) => ({
    name,
    set: sets.get(source),
    call,
    samples: [],
  }));
  for (let round = 0; round < rounds; round++) {
    for (const { set, call, samples } of rows) {
      for (let i = 0; i < times; i++) {
        await before();
        const start = performance.now();
        const { action } = await run(set, call);
        samples.push((performance.now() - start) * 1000);
        if (action !== "allow") throw new Error(`It came to ${action}`);
      }
    }
  }
  return rows;
}

/** The stage with ten plugins of which none matches, and with no plugin at all. */
async function measureNoMatch() {
  const exchange = {
    id: about.id,
    input: { kind: "request", method: "tools/call", caller: {}, does: { what: "act" } },
    endpoint: {},
    target: { kind: "one", upstream: "files", name: "write_report" },
    shaped: { params: {} },
  };
  const all = (await open(["empty"])).all[0];
  const other = { ...all, fits: ({ upstream }) => upstream === "mail" };
  const stages = [
    ["no plugin", consult(createPluginDesk({ all: [] }, log))],
    [
      "ten that do not match",
      consult(createPluginDesk({ all: Array.from({ length: 10 }, () => other) }, log)),
    ],
  ].map(([name, stage]) => ({ name, stage, samples: [] }));
  const batch = 1000;
  for (let round = 0; round < rounds * 5; round++) {
    for (const { stage, samples } of stages) {
      const start = performance.now();
      for (let i = 0; i < batch; i++) stage.run(exchange);
      samples.push(((performance.now() - start) * 1000) / batch);
    }
  }
  title("µs of the stage that asks nobody");
  columns();
  for (const { name, samples } of stages) print(name, samples.slice(rounds));
}

/** Between two turns of the event loop, which turns all the time. */
async function longestGap(until) {
  const settled = until.then(() => true);
  const beat = () => new Promise((resolve) => setTimeout(resolve, 1, false));
  let longest = 0;
  for (let last = performance.now(); !(await Promise.race([settled, beat()]));) {
    const turn = performance.now();
    longest = Math.max(longest, turn - last - 1);
    last = turn;
  }
  return longest;
}
async function measureGap() {
  const call = toCall("onToolCall", payload, ctx);
  const burnt = [];
  const idle = [];
  for (let round = 0; round < 31; round++) {
    // A set of its own: one that fails five times is put into quarantine.
    const one = await open(["burn"]);
    burnt.push(await longestGap(run(one, call)));
    idle.push(await longestGap(new Promise((resolve) => setTimeout(resolve, 50))));
    await one.close();
  }
  title("ms of the event loop's longest gap");
  columns();
  print("a plugin burns 50 ms", burnt);
  print("nothing runs", idle);
}

/** Of a thousand: 970 good, 20 that throw, 5 that loop, 5 that take all memory. */
const kinds = [
  ["loop", 5, "timeout"],
  ["exhaust", 10, "memory"],
  ["throw", 30, "threw"],
  ["good", 1000, "allow"],
];
async function measureMixed(count) {
  const limits = { ...defaultLimits, cpuMs: 20 };
  const counts = new Map();
  /** Of the last calls: what is not collected yet comes and goes with some 30 MiB. */
  let lowest = Infinity;
  let set = await open(["mixed"], limits);
  let wrong = 0;
  let failures = 0;
  title(`${count} calls of all kinds`);
  for (let i = 1; i <= count; i++) {
    const place = (i * 7919) % 1000;
    const [name, , expected] = kinds.find(([, below]) => place < below);
    const outcome = await run(
      set,
      toCall("onToolCall", JSON.stringify({ name, arguments: { n: i % 256 } }), ctx),
    );
    const said = outcome.code ?? outcome.action;
    // A plugin may run out of its time before it has taken all memory.
    const fits = said === expected || (name === "exhaust" && said === "timeout");
    const isOwn = name !== "good" || outcome.note === String(i % 256);
    if (!fits || !isOwn) wrong++;
    counts.set(`${name}: ${said}`, (counts.get(`${name}: ${said}`) ?? 0) + 1);
    if (outcome.action === "failed" && ++failures % 4 === 0) {
      // The fifth failure would bring it into quarantine.
      const next = await open(["mixed"], limits);
      await set.close();
      set = next;
    }
    const isMark = i === 1000 || i === 10_000 || i % 20_000 === 0 || i === count;
    if (i % 10 === 0) lowest = Math.min(lowest, process.memoryUsage.rss());
    if (isMark)
      console.log(
        `after ${String(i).padStart(7)} calls: at least ${(lowest / 2 ** 20).toFixed(0)} MiB, ${wrong} wrong answers`,
      );
    if (isMark || i % 5_000 === 0) lowest = Infinity;
  }
  for (const [name, times] of counts) console.log(`  ${name.padEnd(20)} ${times}`);
  console.log(pool.stats());
}
if (Number(values.mixed) > 0) await measureMixed(Number(values.mixed));
else {
  await measureEngine();
  await measureWay();
  await measureNoMatch();
  await measureGap();
}
pool.close();
