// First, so that it sees what the others make.
import { census } from "./census.ts";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig } from "../../src/config/index.ts";
import { Secret } from "../../src/core/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { type Started, startGateway } from "../../src/serve.ts";
import { type RawConnection, openRaw } from "../runtime/raw.ts";
import { toBytes } from "../security/stand.ts";
import { type TimerClock, timerClock } from "../sessions/hand-timers.ts";
import { allowAll } from "./gateway.ts";
import {
  type HttpRecorder,
  type PipeRecorder,
  startHttpRecorder,
  startPipeRecorder,
} from "./recording-server.ts";

const names = ["one", "two", "three", "four"] as const;
const tokenOf = (name: string): string => `a-token-of-${name}-that-is-long-enough`;
const upstreams = ["legacy", "modern", "pipe"] as const;
const minute = 60_000;
const hour = 60 * minute;
const blocksPollMs = 500;
const lockPollMs = 400;

let legacy: HttpRecorder;
let modern: HttpRecorder;
let pipe: PipeRecorder;
let clock: TimerClock;
/** Timers that have run out. */
let fired = 0;
/** Records on their way to the disk. */
let writing = 0;
/** Requests to upstreams that have no answer yet, but for those that never get one. */
let asking = 0;
let started: Started;
let folder: string;
let port: number;
const alive = new Set<number>();

beforeAll(async () => {
  const tools = ['{"name":"echo","inputSchema":{"type":"object"}}'];
  const answer = ({ text }: { readonly text: string }) => ({
    end: '"result":{"content":[],"resultType":"complete"}',
    ...(text.includes('"ask"') ? { question: '{"message":"Who?","requestedSchema":{}}' } : {}),
    isStuck: text.includes('"wait"'),
  });
  const wording = { answer, lists: { tools } };
  legacy = await startHttpRecorder({ ...wording, era: "legacy" });
  modern = await startHttpRecorder({ ...wording, era: "modern" });
  pipe = await startPipeRecorder({ ...wording, era: "legacy" });
  const hand = timerClock();
  const own = await openRuntime();
  clock = {
    ...hand,
    after: (ms, act) => {
      // The files of blocks and of the lock are looked at for as long as the gateway lives.
      if (ms === blocksPollMs || ms === lockPollMs) return own.clock.after(ms, act);
      return hand.after(ms, () => {
        fired++;
        act();
      });
    },
  };
  folder = await mkdtemp(join(tmpdir(), "leaks-"));
  const runtime = {
    ...own,
    clock,
    files: {
      ...own.files,
      openAppend: async (path: string) => {
        const file = await own.files.openAppend(path);
        const append = async (text: string): Promise<void> => {
          writing++;
          await file.append(text).finally(() => writing--);
        };
        return { ...file, append };
      },
    },
    egress: {
      ...own.egress,
      request: async (sent: Parameters<typeof own.egress.request>[0]) => {
        if (sent.body?.includes('"wait"') === true) return own.egress.request(sent);
        asking++;
        return own.egress.request(sent).finally(() => asking--);
      },
    },
    spawn: async (command: Parameters<typeof own.spawn>[0]) => {
      const child = await own.spawn(command);
      alive.add(child.pid);
      void child.exited.then(() => alive.delete(child.pid));
      return child;
    },
  };
  const rate = { burst: 100_000, perSecond: 1_000 };
  const allow = { ...allowAll, input: ["elicitation:form" as const] };
  const clients = names.map((name) => [
    name,
    { auth: { token: new Secret(tokenOf(name)) }, allow, rate, maxConcurrent: 1_000 },
  ]);
  const input = {
    upstreams: {
      legacy: { url: legacy.url },
      modern: { url: modern.url },
      pipe: { command: pipe.command, args: [...pipe.args] },
    },
    clients: Object.fromEntries(clients) as object,
  };
  const { config, faults } = parseConfig(input, { ...own.crypto, now: clock.now() });
  if (config === undefined) throw new Error(JSON.stringify(faults));
  const loaded = {
    config,
    folder,
    file: "",
    digest: "test",
    faults: [],
    watched: { secrets: [], sources: [] },
  };
  started = await startGateway({ loaded, runtime, port: 0 });
  port = Number(new URL(started.url).port);
});
afterAll(async () => {
  await started.close(200);
  await Promise.all([legacy.close(), modern.close(), pipe.close()]);
  await rm(folder, { recursive: true, force: true });
});

interface Open {
  readonly headers: readonly (readonly [string, string])[];
  readonly stream: RawConnection;
  readonly calls: RawConnection[];
}

function send(
  line: string,
  headers: readonly (readonly [string, string])[],
  body = "",
): RawConnection {
  const length = body === "" ? [] : [["content-length", String(Buffer.byteLength(body))] as const];
  return openRaw(port, toBytes(`${line} /mcp`, [...headers, ...length], body));
}

const request = (id: number, method: string, params: object): string =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });

/** A session with its own stream, which follows a resource; every tenth is in the middle of calls. */
async function open(index: number): Promise<Open> {
  const basic = [
    ["host", "127.0.0.1"],
    ["authorization", `Bearer ${tokenOf(names[index % names.length]!)}`],
    ["content-type", "application/json"],
    ["accept", "application/json, text/event-stream"],
  ] as const;
  const clientInfo = { name: "test", version: "1" };
  const hello = { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo };
  const answer = await sendOnce(basic, request(1, "initialize", hello));
  const session = /mcp-session-id: (\S+)/i.exec(answer)?.[1] ?? "";
  const headers = [...basic, ["mcp-session-id", session]] as const;
  const stream = send("GET", headers);
  await stream.until("\r\n\r\n");
  const upstream = upstreams[index % 3];
  const uri = `${upstream}+file:///${index % 7}`;
  expect(await sendOnce(headers, request(2, "resources/subscribe", { uri }))).toContain("{}");
  const calls = index % 10 === 0 ? upstreams.flatMap(callBoth) : [];
  return { headers, stream, calls };

  /** One that the server does not answer, and one in which it asks and waits. */
  function callBoth(name: string, at: number): RawConnection[] {
    return ["wait", "ask"].map((what, more) => {
      const params = { name: `${name}__echo`, arguments: { [what]: true } };
      return send("POST", headers, request(10 + 2 * at + more, "tools/call", params));
    });
  }
}

function sendOnce(headers: Open["headers"], body: string): Promise<string> {
  return send("POST", [...headers, ["connection", "close"]], body).closed;
}

/** Opens so many, kills them, and lets their time pass; what was held meanwhile is given back. */
async function live(count: number): Promise<Holding> {
  const before = { calls: calls(), timeouts: await timeouts() };
  const busy = Math.ceil(count / 10) * upstreams.length;
  const opened: Open[] = [];
  for (let index = 0; index < count; index += 20) {
    const some = Array.from({ length: Math.min(20, count - index) }, (_, at) => open(index + at));
    opened.push(...(await Promise.all(some)));
  }
  await until("the calls", () => calls() === before.calls + 2 * busy);
  const questions = opened.flatMap((each) => each.calls.filter((_, at) => at % 2 === 1));
  const isAsked = (call: RawConnection): boolean => call.text().includes("elicitation/create");
  await until("the questions", () => {
    // What a server asks is gathered for a moment.
    clock.advance(20);
    return questions.every(isAsked);
  });
  const during = await holding();
  for (const { stream, calls: own } of opened) {
    for (const { socket } of [stream, ...own]) socket.destroy();
  }
  // With a legacy server the session's stream stays a while: somebody may come back.
  await until("the subscriptions", () => modern.ears() === 0);
  // The calls end at their deadline: leaving means nothing in the legacy era.
  await pass(2 * minute);
  await until("the deadlines", async () => (await timeouts()) === before.timeouts + busy);
  await pass(40 * minute);
  await until("the upstreams", () => legacy.sessions.size === 0 && alive.size === 0);
  await quiet();
  clock.advance(25 * hour);
  await until("the sockets", () => sockets() === 0);
  clock.advance(2 * hour);
  return during;
}

interface Holding {
  /** Entries of maps and sets, by the file that made them. */
  readonly entries: Readonly<Record<string, number>>;
  /** What keeps the process alive, by its kind. */
  readonly resources: Readonly<Record<string, number>>;
  readonly timers: number;
  readonly processes: number;
  /** At the upstreams. */
  readonly sessions: number;
  readonly sockets: number;
}

async function holding(): Promise<Holding> {
  const kinds = process.getActiveResourcesInfo().filter((kind) => /Wrap$|Timeout/.test(kind));
  const resources: Record<string, number> = {};
  for (const kind of kinds) resources[kind] = (resources[kind] ?? 0) + 1;
  return {
    entries: await census(),
    resources,
    timers: clock.pending(),
    processes: alive.size,
    sessions: legacy.sessions.size,
    sockets: sockets(),
  };
}

/** Time passes, and what it sets off has the time that real sockets take. */
async function pass(ms: number): Promise<void> {
  const stepMs = 500;
  for (let passed = 0; passed < ms; passed += stepMs) {
    await quiet();
    const before = fired;
    clock.advance(stepMs);
    if (fired > before) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const quiet = (): Promise<void> => until("the outside", () => writing + asking === 0);
const servers = () => [legacy, modern, pipe];
const sockets = (): number => servers().reduce((sum, server) => sum + server.sockets(), 0);
const calls = (): number => servers().reduce((sum, server) => sum + server.calls.length, 0);

async function timeouts(): Promise<number> {
  const text = await readFile(join(folder, "audit.jsonl"), "utf8").catch(() => "");
  return text.split('"code":"UPSTREAM_TIMEOUT"').length - 1;
}

/** Real sockets and processes take real time. */
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const from = performance.now();
  while (!(await isSo())) {
    if (performance.now() - from > 20_000) {
      const held = JSON.stringify(await holding());
      throw new Error(`Waits in vain for ${what}: ${held}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Of these so much may stay, however many sessions there were: what is made of an upstream's four
 * lists for each client, and when an upstream was last complained about.
 */
const bounded: Readonly<Record<string, number>> = {
  "stages/clean-lists.ts": names.length * upstreams.length * 4,
  "upstreams/catalogue.ts": names.length * upstreams.length * 4,
  "upstreams/notices.ts": 2 * upstreams.length,
};

function withoutBounded(held: Holding): Holding {
  const entries = Object.entries(held.entries);
  for (const [file, size] of entries) expect(size).toBeLessThanOrEqual(bounded[file] ?? size);
  const others = entries.filter(([file]) => bounded[file] === undefined);
  return { ...held, entries: Object.fromEntries(others) };
}

const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, each) => sum + each, 0);

// Deno's fetch keeps its connections where nobody can count or close them.
test.skipIf("Deno" in globalThis)(
  "200 legacy sessions, killed by surprise, leave nothing behind",
  { timeout: 120_000 },
  async () => {
    // What is made once and stays, whoever comes: tables, caches of lists, pools.
    await live(12);
    const before = await holding();
    const during = await live(200);
    const after = await holding();

    expect(total(during.entries) - total(before.entries)).toBeGreaterThan(200 * 10);
    expect(during.timers).toBeGreaterThan(200);
    expect(during.sockets).toBeGreaterThan(200);
    expect(during.processes).toBeGreaterThanOrEqual(names.length);
    expect(during.sessions).toBeGreaterThanOrEqual(names.length);
    expect(withoutBounded(after)).toEqual(withoutBounded(before));
    expect(after).toMatchObject({ timers: 0, processes: 0, sessions: 0, sockets: 0 });
    expect(after.resources).not.toHaveProperty("TCPSocketWrap");
    expect(after.resources).not.toHaveProperty("ProcessWrap");
  },
);
