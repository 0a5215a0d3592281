// First, so that it sees what the others make.
import { census } from "./census.ts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { sleep } from "../stores/eventually.ts";
import { type TimerClock, settle, timerClock } from "../sessions/hand-timers.ts";
import { type EventStream, openEvents, openSession } from "./events.ts";
import { modernRequest, post } from "./gateway.ts";
import {
  type HttpRecorder,
  type PipeRecorder,
  type Wording,
  startHttpRecorder,
  startPipeRecorder,
} from "./recording-server.ts";
import { type Reloading, a, b, runReloading } from "./reloading.ts";

const wording: Omit<Wording, "era"> = {
  lists: { tools: ['{"name":"echo","inputSchema":{"type":"object"}}'] },
  answer: () => ({ end: '"result":{"content":[],"resultType":"complete"}' }),
};
let modern: HttpRecorder;
let legacy: HttpRecorder;
let pipe: PipeRecorder;
let clock: TimerClock;
let gateway: Reloading;
const opened: EventStream[] = [];

beforeAll(async () => {
  modern = await startHttpRecorder({ ...wording, era: "modern" });
  legacy = await startHttpRecorder({ ...wording, era: "legacy" });
  pipe = await startPipeRecorder({ ...wording, era: "legacy" });
  clock = timerClock();
  gateway = await runReloading(config(0), { clock });
});
afterAll(async () => {
  for (const stream of opened) stream.leave();
  await gateway.close();
  await Promise.all([modern, legacy, pipe].map((server) => server.close()));
});

/** Each one has another rule, and of one upstream other settings. */
function config(turn: number): object {
  return {
    upstreams: {
      modern: { url: modern.url },
      legacy: { url: legacy.url, headers: { "x-turn": String(turn) } },
      pipe: { command: pipe.command, args: pipe.args },
    },
    clients: { a: { ...a, rate: { burst: 100_000 } }, b },
    rules: [{ name: `r${turn}`, on: `modern/never-${turn}`, then: "deny" }],
  };
}

const uris = ["modern", "legacy", "pipe"].map((name) => `${name}+file:///1`);

/** A subscription, and a session's own stream. */
async function open(): Promise<void> {
  const notifications = { toolsListChanged: true, resourceSubscriptions: uris };
  const request = modernRequest("subscriptions/listen", { notifications });
  const subscription = await openEvents(`${gateway.url}/mcp`, { method: "POST", ...request });
  await subscription.next();
  const session = await openSession(gateway.url);
  for (const uri of uris) await session.send("resources/subscribe", { uri });
  opened.push(subscription, await session.listen());
}

async function turn(count: number): Promise<void> {
  await gateway.change(config(count));
  // What a stream hears is gathered, and it goes over when each way is open.
  await vi.waitFor(async () => {
    clock.advance(300);
    await settle();
    expect([modern.ears(), legacy.ears(), pipe.ears()]).toEqual(ears);
    expect(legacy.sessions.size).toBe(1);
  });
  const request = modernRequest("tools/call", { name: "modern__echo", arguments: {} });
  expect((await post(`${gateway.url}/mcp`, request)).status).toBe(200);
}

let ears: readonly number[];

// Deno's fetch keeps its connections where nobody can count or close them.
test.skipIf("Deno" in globalThis)(
  "fifty reloads under open streams leave nothing behind",
  async () => {
    await open();
    const count = () => [modern.ears(), legacy.ears(), pipe.ears()];
    await vi.waitFor(() => expect(count()).toEqual([2, 1, 1]));
    ears = count();
    for (let each = 1; each <= 5; each++) await turn(each);
    const before = await holding();
    for (let each = 6; each <= 55; each++) await turn(each);
    // What ends takes the time that real sockets take.
    await vi.waitFor(async () => expect(grown(before, await holding())).toEqual({}), 5_000);
    const errors = gateway.logged.filter((line) => line.startsWith("error"));
    expect(errors).toEqual([]);
  },
  60_000,
);

type Holding = Readonly<Record<string, number>>;

async function holding(): Promise<Holding> {
  for (let round = 0; round < 20; round++) {
    clock.advance(100);
    await sleep(5);
  }
  const entries = await census();
  const [first, second, third] = [modern, legacy, pipe].map((server) => server.ears());
  return {
    ...entries,
    timers: clock.pending(),
    processes: gateway.pids.size,
    sessions: legacy.sessions.size,
    modern: first ?? 0,
    legacy: second ?? 0,
    pipe: third ?? 0,
  };
}

/** What there is more of than before. */
function grown(before: Holding, after: Holding): Holding {
  const more = Object.entries(after).filter(([name, count]) => count > (before[name] ?? 0));
  return Object.fromEntries(more);
}
