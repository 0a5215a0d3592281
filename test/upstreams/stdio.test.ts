import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Secret } from "../../src/core/index.ts";
import { textOf } from "../../src/mcp/index.ts";
import {
  type OpenExtras,
  type Opened,
  ask,
  callTool,
  caller,
  collect,
  createFakeClock,
  eventually,
  keysOf,
  never,
  open,
  request,
  runtime,
  shown,
} from "./harness.ts";

const peer = fileURLToPath(new URL("fixtures/peer.js", import.meta.url));
let folder = "";
const opened: Opened[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stdio-"));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  await rm(folder, { recursive: true, force: true });
});

function start(mode: string, settings: object = {}, extras: OpenExtras = {}): Opened {
  const args = [peer, mode, join(folder, "seen")];
  const upstreams = open({ it: { command: process.execPath, args, ...settings } }, extras);
  opened.push(upstreams);
  return upstreams;
}

/** What the processes have seen, line by line. */
async function seen(): Promise<string[]> {
  return (await readFile(join(folder, "seen"), "utf8").catch(() => "")).split("\n");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function pidOf(upstreams: Opened, client = "web-app", tool = "pid"): Promise<number> {
  const last = await ask(upstreams.the("it"), callTool(tool, "{}", caller(client)));
  if (last.kind !== "result") throw new Error(shown(last));
  return (JSON.parse(textOf(last.result)) as { pid: number }).pid;
}

const done = '{"content":[],"resultType":"complete"}';

test.each([
  ["modern", "modern"],
  ["legacy", "legacy"],
  ["dies", "legacy"],
])("a process that answers the probe as %s is called as %s", async (mode, era) => {
  const upstreams = start(mode);
  expect(await keysOf(upstreams.the("it"), "tools")).toEqual(["t"]);
  expect(upstreams.status()).toEqual([
    { name: "it", transport: "stdio", era, state: "up", tools: 1, quarantined: [] },
  ]);
  expect((await seen()).filter((line) => line.startsWith("start"))).toHaveLength(
    mode === "dies" ? 2 : 1,
  );
});

test("a process that is silent for five seconds is legacy", async () => {
  const clock = createFakeClock();
  const upstreams = start("silent", {}, { clock });
  const pid = pidOf(upstreams);
  for (let i = 0; i < 500 && !(await seen()).join().includes("discover"); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await clock.advance(4_900);
  expect((await seen()).join()).not.toContain("initialize");
  await clock.advance(200);
  expect(await pid).toBeGreaterThan(0);
  expect(upstreams.era("it")).toBe("legacy");
});

test("a modern process that was too slow for the first question is asked again", async () => {
  const clock = createFakeClock();
  const upstreams = start("sleepy", {}, { clock });
  const pid = pidOf(upstreams);
  for (let i = 0; i < 500 && !(await seen()).join().includes("discover"); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await clock.advance(5_100);
  expect(await pid).toBeGreaterThan(0);
  expect(upstreams.era("it")).toBe("modern");
});

test("params reach the process on one line and otherwise byte for byte", async () => {
  const upstreams = start("legacy");
  const odd =
    '{ "n":123456789012345678901234567890,\n"one":1.0,"inf":1e400,"esc":"\\u00e9\\n",\r\n"a":[]}';
  const params = `{"name":"echo","arguments":${odd}}`;
  const last = await ask(upstreams.the("it"), request("tools/call", params));
  if (last.kind !== "result") throw new Error(shown(last));
  const { line } = JSON.parse(textOf(last.result)) as { line: string };
  expect(line).toContain(`"params":${params.replaceAll(/[\r\n]+/g, " ")}}`);
});

test("a child gets PATH, HOME, the locale and its own env, and its own folder", async () => {
  const env = {
    PATH: "/bin",
    HOME: "/h",
    LANG: "C",
    LC_ALL: "C",
    SECRET_OF_GATEWAY: "x",
    NODE_OPTIONS: "",
  };
  const settings = { env: { OWN: "1", TOKEN: new Secret("t0ken") }, cwd: folder };
  const upstreams = start("legacy", settings, { env });
  const last = await ask(upstreams.the("it"), callTool("env"));
  if (last.kind !== "result") throw new Error(shown(last));
  expect(JSON.parse(textOf(last.result))).toMatchObject({
    env: { PATH: "/bin", HOME: "/h", LANG: "C", LC_ALL: "C", OWN: "1", TOKEN: "t0ken" },
    cwd: await realpath(folder),
  });
  expect(textOf(last.result)).not.toMatch(/SECRET_OF_GATEWAY|NODE_OPTIONS/);
});

test("each client has a process of its own, and its calls share it", async () => {
  const upstreams = start("legacy");
  const pids = await Promise.all(["a", "a", "b"].map((client) => pidOf(upstreams, client)));
  expect(pids[0]).toBe(pids[1]);
  expect(pids[2]).not.toBe(pids[0]);
});

test("many calls at once each get their own answer", async () => {
  const upstreams = start("legacy");
  const all = await Promise.all(
    Array.from({ length: 20 }, () => ask(upstreams.the("it"), callTool("later"))),
  );
  const texts = all.map(shown);
  expect(new Set(texts).size).toBe(20);
  expect(texts.every((text) => text.includes("complete"))).toBe(true);
});

test.each([
  ["garbage", done],
  ["duplicate", "UPSTREAM_INVALID"],
  ["twice", '{"content":["first"],"resultType":"complete"}'],
  ["foreign", done],
  ["latin", "UPSTREAM_INVALID"],
  ["large", "RESPONSE_TOO_LARGE"],
])("a process that answers with %s ends the call with its code", async (tool, expected) => {
  for (const mode of ["modern", "legacy"]) {
    const upstreams = start(mode);
    const messages = await collect(upstreams.the("it"), callTool(tool));
    expect(messages.map(shown)).toEqual([expected]);
  }
});

test("an endless line ends the process and its calls", async () => {
  const upstreams = start("legacy");
  const pid = await pidOf(upstreams);
  const last = await ask(upstreams.the("it"), callTool("endless"));
  expect(shown(last)).toBe("RESPONSE_TOO_LARGE");
  await eventually(() => !isAlive(pid));
});

test("progress finds its call by token, and a log message the only call", async () => {
  const upstreams = start("legacy");
  const params = '{"name":"progress","_meta":{"progressToken":"mine"}}';
  const asked = request("tools/call", params, caller("a", { logLevel: "debug" }));
  const messages = await collect(upstreams.the("it"), asked);
  expect(messages.map(shown)).toEqual([
    'notifications/progress {"progressToken":"mine","progress":1}',
    'notifications/message {"level":"error","data":"d"}',
    done,
  ]);
});

test("a legacy process that asks is refused, a modern one ends the call", async () => {
  const legacy = start("legacy");
  expect(shown(await ask(legacy.the("it"), callTool("asks")))).toBe(done);
  expect(await seen()).toEqual(
    expect.arrayContaining([
      '{"jsonrpc":"2.0","id":"p","result":{}}',
      '{"jsonrpc":"2.0","id":"q","error":{"code":-32601,"message":"Method not found"}}',
    ]),
  );
  const modern = start("modern");
  expect(shown(await ask(modern.the("it"), callTool("asks")))).toBe("INPUT_DENIED");
});

test("a caller that leaves cancels its call in the process, which goes on", async () => {
  for (const mode of ["legacy", "modern"]) {
    const upstreams = start(mode);
    const pid = await pidOf(upstreams);
    const gone = new AbortController();
    const left = collect(upstreams.the("it"), callTool("never"), gone.signal);
    await new Promise((resolve) => setTimeout(resolve, 50));
    gone.abort();
    expect((await left).map(shown)).toEqual(["UPSTREAM_UNAVAILABLE"]);
    expect(await pidOf(upstreams)).toBe(pid);
    const [sent] = (await seen()).filter((line) => line.includes('"never"')).slice(-1);
    const { id } = JSON.parse(sent!) as { id: number };
    const cancel = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`;
    expect(await seen()).toContain(cancel);
  }
});

test("an exit ends the waiting calls at once with the last words, without secrets", async () => {
  const env = { WORD: new Secret("hunter22") };
  const upstreams = start("legacy", { env });
  await pidOf(upstreams);
  const waiting = ask(upstreams.the("it"), callTool("never"));
  const last = await ask(upstreams.the("it"), callTool("exit"));
  expect(last).toMatchObject({ kind: "failure", code: "UPSTREAM_UNAVAILABLE" });
  expect(JSON.stringify(last)).toContain("code 7");
  expect(JSON.stringify(last)).toContain("the last words: [secret]");
  expect(shown(await waiting)).toBe("UPSTREAM_UNAVAILABLE");
  expect(upstreams.logged.join()).not.toContain("hunter22");
});

test("a process that exits at its start is an answer with its last words, without secrets", async () => {
  const upstreams = start("broken", { env: { WORD: new Secret("hunter22") } });
  const last = await ask(upstreams.the("it"), callTool("t"));
  expect(last).toMatchObject({ kind: "failure", code: "UPSTREAM_UNAVAILABLE" });
  expect(JSON.stringify(last)).toContain("code 9");
  expect(JSON.stringify(last)).toContain("Error: the module [secret] is missing");
  expect(upstreams.logged.join()).not.toContain("hunter22");
});

test("no part of a secret is left where the last words were cut", async () => {
  const upstreams = start("legacy", { env: { WORD: new Secret("hunter22-and-more") } });
  const last = await ask(upstreams.the("it"), callTool("spill"));
  const said = (JSON.stringify(last) + upstreams.logged.join()).replaceAll("[secret]", "");
  expect(said).toContain("code 7");
  expect(said).not.toMatch(/hun|and|more/);
});

test("a server that dies of the probe is asked so once in ten minutes", async () => {
  const clock = createFakeClock();
  const upstreams = start("dies", {}, { clock });
  const starts = async () => (await seen()).filter((line) => line.startsWith("start")).length;
  await pidOf(upstreams, "a");
  expect(await starts()).toBe(2);
  await pidOf(upstreams, "b");
  expect(await starts()).toBe(3);
  await clock.advance(599_000);
  await pidOf(upstreams, "a");
  await pidOf(upstreams, "b");
  expect(await starts()).toBe(3);
  await clock.advance(2_000);
  await pidOf(upstreams, "c");
  expect(await starts()).toBe(5);
});

test("a process that exits is started again after a pause that doubles", async () => {
  const clock = createFakeClock();
  const upstreams = start("legacy", {}, { clock });
  const it = upstreams.the("it");
  let pid = await pidOf(upstreams);
  for (const pauseMs of [1_000, 2_000, 4_000]) {
    await ask(it, callTool("exit"));
    await clock.advance(pauseMs - 100);
    expect(await ask(it, callTool("pid"))).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
    await clock.advance(200);
    const next = await pidOf(upstreams);
    expect(next).not.toBe(pid);
    pid = next;
  }
  await clock.advance(60_000);
  await ask(it, callTool("exit"));
  await clock.advance(1_100);
  expect(await pidOf(upstreams)).not.toBe(pid);
});

test("a command that does not exist is unavailable, without its environment", async () => {
  const upstreams = open({ it: { command: join(folder, "nothing"), env: { A: "hunter22" } } });
  opened.push(upstreams);
  const last = await ask(upstreams.the("it"), callTool("t"));
  expect(shown(last)).toBe("UPSTREAM_UNAVAILABLE");
  expect(upstreams.status()[0]).toMatchObject({ state: "down", era: undefined });
});

test("an idle process ends after ten minutes, a busy one does not", async () => {
  const clock = createFakeClock();
  const upstreams = start("legacy", { timeoutMs: 86_000_000, deadlineMs: 86_000_000 }, { clock });
  const idle = await pidOf(upstreams, "idle");
  const busy = await pidOf(upstreams, "busy");
  const gone = new AbortController();
  const call = collect(upstreams.the("it"), callTool("never", "{}", caller("busy")), gone.signal);
  // A second call that ends does not make a process idle that still works on the first.
  expect(await pidOf(upstreams, "busy")).toBe(busy);
  await clock.advance(599_000);
  expect(isAlive(idle)).toBe(true);
  await clock.advance(2_000);
  await eventually(() => !isAlive(idle));
  expect(await pidOf(upstreams, "busy")).toBe(busy);
  expect(await pidOf(upstreams, "idle")).not.toBe(idle);
  gone.abort();
  await call;
});

test("at most sixteen processes run: the one idle for longest makes room, and busy ones do not", async () => {
  const upstreams = start("legacy");
  const first = await pidOf(upstreams, "c0");
  for (let i = 1; i < 16; i++) await pidOf(upstreams, `c${i}`);
  expect(isAlive(first)).toBe(true);
  await pidOf(upstreams, "c16");
  await eventually(() => !isAlive(first));
  const gone = Array.from({ length: 16 }, () => new AbortController());
  const calls = gone.map(({ signal }, i) =>
    collect(upstreams.the("it"), callTool("never", "{}", caller(`c${i + 1}`)), signal),
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  const last = await ask(upstreams.the("it"), callTool("pid", "{}", caller("late")));
  expect(last).toMatchObject({ why: "All 16 processes are busy" });
  for (const controller of gone) controller.abort();
  await Promise.all(calls);
}, 60_000);

test("a process that the gateway started for itself ends soon, and nobody else gets it", async () => {
  const clock = createFakeClock();
  const upstreams = start("legacy", {}, { clock });
  const own = await pidOf(upstreams, "");
  expect(await pidOf(upstreams, "web-app")).not.toBe(own);
  await clock.advance(3_000);
  await eventually(() => !isAlive(own));
  expect(upstreams.logged.join()).not.toContain("has ended");
});

test("subjects of one client have a process each where it is set so", async () => {
  const upstreams = start("legacy", { isolate: "subject" });
  const pids = ["x", "y", "x"].map(async (subject) => {
    const last = await ask(upstreams.the("it"), callTool("pid", "{}", caller("a", {}, subject)));
    return shown(last);
  });
  const [x, y, again] = await Promise.all(pids);
  expect(x).not.toBe(y);
  expect(x).toBe(again);
});

test("each client gets the lists of its own process", async () => {
  const upstreams = start("legacy");
  const keys = async (client: string) => {
    const listing = await upstreams.the("it").list("resources", caller(client), never);
    return "kind" in listing ? listing.code : listing.items.map(({ key }) => key);
  };
  const [a, b] = [await pidOf(upstreams, "a"), await pidOf(upstreams, "b")];
  expect(await keys("a")).toEqual([`process:///${a}`]);
  expect(await keys("b")).toEqual([`process:///${b}`]);
  expect(await keys("a")).toEqual([`process:///${a}`]);
});

test("calls to a process that does not read wait in 16 MB at most, and cancelled ones hold nothing", async () => {
  const upstreams = start("legacy");
  await pidOf(upstreams);
  const gone = new AbortController();
  const args = `{"pad":"${"x".repeat(4_000_000)}"}`;
  const calls = [collect(upstreams.the("it"), callTool("deaf"), gone.signal)];
  const send = () => collect(upstreams.the("it"), callTool("t", args), gone.signal);
  await new Promise((resolve) => setTimeout(resolve, 100));
  // One is in the pipe, four wait.
  for (let i = 0; i < 5; i++) calls.push(send());
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect((await send()).map(shown)).toEqual(["UPSTREAM_UNAVAILABLE"]);
  gone.abort();
  await Promise.all(calls);
  const again = new AbortController();
  const later = collect(upstreams.the("it"), callTool("t", args), again.signal);
  const waits = Promise.race([later, new Promise((resolve) => setTimeout(resolve, 200))]);
  expect(await waits).toBeUndefined();
  again.abort();
  await later;
});

test("a call that was cancelled before the process saw it is never seen", async () => {
  const upstreams = start("legacy");
  await pidOf(upstreams);
  const gone = new AbortController();
  const args = `{"pad":"${"x".repeat(1_000_000)}"}`;
  const calls = ["nap", "t", "t"].map((name) =>
    collect(upstreams.the("it"), callTool(name, args), gone.signal),
  );
  const late = collect(upstreams.the("it"), callTool("never", '{"mark":"unseen"}'), gone.signal);
  gone.abort();
  await Promise.all([...calls, late]);
  await pidOf(upstreams);
  expect((await seen()).join()).not.toContain("unseen");
});

test("a process that we end is no warning, one that ends by itself is", async () => {
  const warned: string[] = [];
  for (const tool of ["pid", "exit"]) {
    const upstreams = start("legacy");
    await collect(upstreams.the("it"), callTool(tool));
    await upstreams.close();
    warned.push(upstreams.logged.filter((line) => line.includes("has ended")).length.toString());
    expect(upstreams.logged.some((line) => line.includes("was ended"))).toBe(tool === "pid");
  }
  expect(warned).toEqual(["0", "1"]);
});

test("close ends the process, what it started, and its calls", async () => {
  const upstreams = start("legacy");
  const pid = await pidOf(upstreams);
  const grandchild = await pidOf(upstreams, "web-app", "grandchild");
  const call = ask(upstreams.the("it"), callTool("never"));
  await upstreams.close();
  expect(isAlive(pid)).toBe(false);
  expect(shown(await call)).toBe("UPSTREAM_UNAVAILABLE");
  expect(await seen()).toContain("closed");
  await eventually(() => !isAlive(grandchild));
  expect(await ask(upstreams.the("it"), callTool("pid"))).toMatchObject({ kind: "failure" });
});

test("a process that does not listen is asked, then made to end", async () => {
  const upstreams = start("stubborn");
  const pid = await pidOf(upstreams);
  const from = runtime.clock.elapsed();
  await upstreams.close();
  const took = runtime.clock.elapsed() - from;
  expect(isAlive(pid)).toBe(false);
  expect(await seen()).toEqual(expect.arrayContaining(["closed", "SIGTERM"]));
  expect(took).toBeGreaterThan(4_500);
  expect(took).toBeLessThan(6_500);
});

test("a call that times out is cancelled in the process", async () => {
  const upstreams = start("legacy", { timeoutMs: 1_000 });
  expect(shown(await ask(upstreams.the("it"), callTool("never")))).toBe("UPSTREAM_TIMEOUT");
  await pidOf(upstreams);
  expect((await seen()).join()).toContain("notifications/cancelled");
});

test("discover starts the process and says what it can do", async () => {
  const found = await start("legacy").the("it").discover(caller(), never);
  expect("capabilities" in found && textOf(found.capabilities)).toBe('{"tools":{},"resources":{}}');
});
