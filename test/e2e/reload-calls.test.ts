import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { openRaw } from "../runtime/raw.ts";
import { type BusyServer, startBusyServer } from "./busy-server.ts";
import { type EchoServer, startEchoServer } from "./echo-server.ts";
import { legacyBody, openEvents, openSession } from "./events.ts";
import { allowAll, modernRequest, post, tokenA } from "./gateway.ts";
import {
  type HttpRecorder,
  type PipeRecorder,
  type Wording,
  startHttpRecorder,
  startPipeRecorder,
} from "./recording-server.ts";
import { type Reloading, a, runReloading } from "./reloading.ts";

const question = '{"message":"Who?","requestedSchema":{"type":"object","properties":{}}}';
const wording: Wording = {
  era: "legacy",
  lists: { tools: ['{"name":"ask","inputSchema":{"type":"object"}}'] },
  answer: ({ text }) => ({
    end: '"result":{"content":[]}',
    ...(text.includes('"quick"') ? {} : { question }),
  }),
};
const meta = { "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } } };
const asks = { ...a, allow: { ...allowAll, input: ["elicitation"] } };

/** Keeps each call until it is let go. */
let held: EchoServer;
let waiting: (() => void)[] = [];
let busy: BusyServer;
let pipe: PipeRecorder;
let asking: HttpRecorder;
let gateway: Reloading;

beforeAll(async () => {
  const hold = (id: string, response: ServerResponse): void =>
    void waiting.push(() => {
      const result = '{"content":[{"type":"text","text":"ok"}],"resultType":"complete"}';
      response.writeHead(200, { "content-type": "application/json" });
      response.end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
    });
  [held, busy, pipe, asking] = await Promise.all([
    startEchoServer({ raw: hold }),
    startBusyServer("modern"),
    startPipeRecorder(wording),
    startHttpRecorder(wording),
  ]);
});
beforeEach(async () => {
  waiting = [];
  gateway = await runReloading(config());
});
afterEach(() => gateway.close());
afterAll(() => Promise.all([held, busy, pipe, asking].map((server) => server.close())));

/** With everything, and other settings beside it. */
function config(change: { without?: string; client?: object; pipe?: object; held?: object } = {}) {
  const upstreams: Record<string, object> = {
    held: { url: held.url, ...change.held },
    busy: { url: busy.url },
    pipe: { command: pipe.command, args: pipe.args, ...change.pipe },
    asking: { url: asking.url },
  };
  if (change.without !== undefined) delete upstreams[change.without];
  return { upstreams, clients: { a: { ...asks, ...change.client } } };
}

const echo = () => modernRequest("tools/call", { name: "held__echo", arguments: {} });
/** A call that waits at its server. */
const openHeld = () => post(`${gateway.url}/mcp`, echo());
async function recordsOf(target: string) {
  const records = await gateway.records();
  return records.filter((each) => each["kind"] === "exchange" && each["target"] === target);
}

describe("a call in the middle of a reload ends under the rules it began with", () => {
  test.each([
    ["goes on to be there", () => ({ client: { maxConcurrent: 4 } })],
    ["is there no more", () => ({ without: "held" })],
    ["has other settings", () => ({ held: { headers: { "x-new": "1" } } })],
    ["is forbidden to its client", () => ({ client: { allow: {} } })],
  ])("where its upstream %s, and leaves one record of them", async (_, change) => {
    const { config: before } = gateway.state();
    const answer = openHeld();
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    const { digest } = await gateway.change(config(change()));
    expect(digest).not.toBe(before);
    waiting[0]?.();
    expect((await answer).json().result?.content).toEqual([{ type: "text", text: "ok" }]);
    expect(await recordsOf("echo")).toMatchObject([{ decision: "allowed", config: before }]);
  });

  test("where its answer is a stream that goes on", async () => {
    const { config: before } = gateway.state();
    const steps = { name: "busy__steps", arguments: { run: "long" } };
    const request = modernRequest("tools/call", steps, { meta: { progressToken: "p" } });
    const stream = await openEvents(`${gateway.url}/mcp`, { method: "POST", ...request });
    expect((await stream.next())?.message.params?.["progress"]).toBe(1);
    await gateway.change(config({ without: "busy" }));
    await gateway.change(config({ without: "busy", client: { maxConcurrent: 3 } }));
    busy.release("long");
    const rest = await stream.rest();
    expect(rest.map(({ message }) => message.params?.["progress"] ?? "end")).toEqual([2, 3, "end"]);
    expect(JSON.stringify(rest.at(-1)?.message.result)).toContain("done with long");
    expect(await recordsOf("steps")).toMatchObject([{ decision: "allowed", config: before }]);
  });

  test("where its body is still on its way", async () => {
    const { config: before } = gateway.state();
    const { headers, body } = echo();
    const lines = Object.entries({
      ...headers,
      host: "127.0.0.1",
      authorization: `Bearer ${tokenA}`,
      "content-length": String(body.length),
      connection: "close",
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `POST /mcp HTTP/1.1\r\n${lines.join("")}\r\n`;
    const sent = openRaw(Number(new URL(gateway.url).port), head + body.slice(0, 20));
    // Its head is read by the time another one is answered.
    await post(`${gateway.url}/mcp`, modernRequest("tools/list"));
    await gateway.change(config({ without: "held" }));
    sent.socket.write(body.slice(20));
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    waiting[0]?.();
    expect(await sent.closed).toContain('"text":"ok"');
    expect(await recordsOf("echo")).toMatchObject([{ decision: "allowed", config: before }]);
  });
});

test("a call is waited for at the end as long as the config of now says", async () => {
  await gateway.close();
  gateway = await runReloading({ ...config(), drain: { deadlineMs: 86_400_000 } });
  const answer = openHeld().catch(() => undefined);
  await vi.waitFor(() => expect(waiting).toHaveLength(1));
  await gateway.change({ ...config(), drain: { deadlineMs: 50 } });
  await gateway.started.close();
  await answer;
});

describe("what is counted", () => {
  test("is counted on: a reload gives no client more calls at once", async () => {
    await gateway.change(config({ client: { maxConcurrent: 1 } }));
    const first = openHeld();
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    await gateway.change(config({ client: { maxConcurrent: 1, maxRequestBytes: 9_999 } }));
    const second = await post(`${gateway.url}/mcp`, echo());
    expect(second.json().code).toBe("CONCURRENCY_EXCEEDED");
    waiting[0]?.();
    expect((await first).status).toBe(200);
    const third = openHeld();
    await vi.waitFor(() => expect(waiting).toHaveLength(2));
    waiting[1]?.();
    expect((await third).status).toBe(200);
  });

  test("is counted on: a reload fills no bucket", async () => {
    const rate = { burst: 3, perSecond: 0.001 };
    await gateway.change(config({ client: { rate } }));
    const list = () => post(`${gateway.url}/mcp`, modernRequest("tools/list"));
    for (const left of [2, 1, 0]) {
      expect((await list()).status).toBe(200);
      await gateway.change(config({ client: { rate, maxConcurrent: left + 1 } }));
    }
    expect((await list()).json().code).toBe("RATE_EXCEEDED");
  });
});

describe("a process", () => {
  const ask = (quick = true) =>
    modernRequest("tools/call", { name: "pipe__ask", arguments: quick ? { quick } : {} }, { meta });
  const send = (request: ReturnType<typeof ask>) => post(`${gateway.url}/mcp`, request);

  test("is kept where its upstream is the same, and ends where that is there no more", async () => {
    expect((await send(ask())).status).toBe(200);
    const [pid, ...others] = gateway.pids;
    expect(others).toEqual([]);
    await gateway.change(config({ client: { maxConcurrent: 3 } }));
    expect((await send(ask())).status).toBe(200);
    expect([...gateway.pids]).toEqual([pid]);
    await gateway.change(config({ pipe: { env: { NEW: "1" } } }));
    await vi.waitFor(() => expect(gateway.pids.size).toBe(0));
    expect((await send(ask())).status).toBe(200);
    expect(gateway.pids.size).toBe(1);
    expect(gateway.pids.has(pid ?? 0)).toBe(false);
    await gateway.change(config({ without: "pipe" }));
    await vi.waitFor(() => expect(gateway.pids.size).toBe(0));
  });

  test("ends only behind the last call of the config that had it", async () => {
    const session = await openSession(gateway.url, { capabilities: { elicitation: {} } });
    const stream = await session.stream("tools/call", { name: "pipe__ask", arguments: {} }, 7);
    const asked = (await stream.next())?.message;
    expect(asked?.method).toBe("elicitation/create");
    const [pid] = gateway.pids;
    await gateway.change(config({ without: "pipe" }));
    expect([...gateway.pids]).toEqual([pid]);
    await answer(session, asked?.id);
    expect((await stream.next())?.message).toMatchObject({ id: 7, result: { content: [] } });
    await vi.waitFor(() => expect(gateway.pids.size).toBe(0));
  });

  test("keeps a call that waits for input where its upstream is the same", async () => {
    const held = (await send(ask(false))).json().result;
    const before = pipe.calls.length;
    await gateway.change(config({ client: { maxConcurrent: 3 } }));
    const given = {
      inputResponses: { "input-1": { action: "accept", content: {} } },
      requestState: held?.["requestState"],
    };
    const retry = modernRequest(
      "tools/call",
      { name: "pipe__ask", arguments: {}, ...given },
      { meta },
    );
    expect((await send(retry)).json().result).toMatchObject({ content: [] });
    expect(pipe.calls.length).toBe(before);
  });
});

/** A legacy client's answer to a question. */
function answer(session: { headers: Record<string, string> }, id: unknown): Promise<Response> {
  const result = { action: "accept", content: {} };
  return fetch(`${gateway.url}/mcp`, {
    method: "POST",
    headers: {
      ...session.headers,
      authorization: `Bearer ${tokenA}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id, result }),
  });
}

describe("a legacy client reaches its call at the gateway of before", () => {
  test("with its answer to what the server asks", async () => {
    const session = await openSession(gateway.url, { capabilities: { elicitation: {} } });
    const stream = await session.stream("tools/call", { name: "asking__ask", arguments: {} }, 7);
    const asked = (await stream.next())?.message;
    await gateway.change(config({ without: "busy" }));
    await gateway.change(config({ without: "held" }));
    expect((await answer(session, asked?.id)).status).toBe(202);
    expect((await stream.next())?.message).toMatchObject({ id: 7, result: { content: [] } });
    expect(await stream.next()).toBeUndefined();
  });

  test("with its word that it is cancelled", async () => {
    const session = await openSession(gateway.url);
    const call = session.send("tools/call", { name: "held__echo", arguments: {} }, "gone");
    await vi.waitFor(() => expect(waiting).toHaveLength(1));
    await gateway.change(config({ without: "held" }));
    const cancelled = await fetch(`${gateway.url}/mcp`, {
      method: "POST",
      headers: {
        ...session.headers,
        authorization: `Bearer ${tokenA}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: legacyBody("notifications/cancelled", { requestId: "gone" }, null),
    });
    expect(cancelled.status).toBe(202);
    await call;
    expect(await recordsOf("echo")).toMatchObject([{ decision: "cancelled" }]);
  });
});
