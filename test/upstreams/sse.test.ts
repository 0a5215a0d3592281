import { type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import type { Clock } from "../../src/core/index.ts";
import { createClosing } from "../../src/upstreams/closing.ts";
import { type Link, type LinkCaller, isFailure } from "../../src/upstreams/link.ts";
import { openSseSessions } from "../../src/upstreams/http/sse.ts";
import {
  type FakeServer,
  discovery,
  result,
  sendJson,
  startEvents,
  startFake,
} from "./fake-server.ts";
import {
  ask,
  callTool,
  caller,
  createFakeClock,
  eventually,
  json,
  keysOf,
  never,
  open as openAll,
  runtime,
  shown,
} from "./harness.ts";
import { end, form, gather, next, start } from "./stdio-harness.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface OldServer {
  readonly url: string;
  readonly servers: McpServer[];
  readonly streams: () => number;
  /** Method and path of each request. */
  readonly asked: readonly string[];
}

/** A server made with the SDK as servers were made for the old transport. */
async function startOld(): Promise<OldServer> {
  const transports = new Map<string, SSEServerTransport>();
  const servers: McpServer[] = [];
  const asked: string[] = [];
  const http = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    asked.push(`${request.method} ${url.pathname}`);
    if (request.method === "GET" && url.pathname === "/sse") {
      const transport = new SSEServerTransport("/messages", response);
      transports.set(transport.sessionId, transport);
      response.on("close", () => transports.delete(transport.sessionId));
      const server = createOld();
      servers.push(server);
      await server.connect(transport);
    } else if (request.method === "POST" && url.pathname === "/messages") {
      const transport = transports.get(url.searchParams.get("sessionId") ?? "");
      if (transport === undefined) response.writeHead(404).end("No session");
      else await transport.handlePostMessage(request, response);
    } else {
      response.writeHead(404).end("Cannot do that");
    }
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    http.closeAllConnections();
    return new Promise((resolve) => http.close(resolve));
  });
  const { port } = http.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/sse`, servers, asked, streams: () => transports.size };
}

function createOld(): McpServer {
  const server = new McpServer({ name: "old", version: "1" }, { capabilities: { logging: {} } });
  server.registerTool("add", { inputSchema: { a: z.number() } }, async ({ a }) => ({
    content: [{ type: "text", text: String(a + 1) }],
  }));
  server.registerTool("ask", {}, async () => {
    const { action } = await server.server.elicitInput({
      message: "Really?",
      requestedSchema: { type: "object", properties: {} },
    });
    return { content: [{ type: "text", text: action }] };
  });
  server.registerTool("slow", {}, async ({ _meta, sendNotification }) => {
    const progressToken = _meta?.progressToken ?? 0;
    const params = { progressToken, progress: 1 };
    await sendNotification({ method: "notifications/progress", params });
    return { content: [] };
  });
  server.registerTool("never", {}, () => new Promise(() => undefined));
  return server;
}

interface Extras {
  readonly clock?: Clock;
  readonly headers?: Readonly<Record<string, string>>;
}

function open(url: string, extras: Extras = {}) {
  const closing = createClosing();
  const noticed: string[] = [];
  const changes: string[] = [];
  let last = 0;
  const sessions = openSseSessions({
    endpoint: { url, egress: runtime.egress, headers: () => extras.headers ?? {} },
    clock: extras.clock ?? runtime.clock,
    notice: (message) => noticed.push(message),
    clientInfo: '{"name":"test","version":"1"}',
    timeoutMs: 5_000,
    nextId: () => ++last,
    onListChange: (list, scope) => changes.push(`${list} ${scope}`),
    closing,
    takeStanding: () => () => undefined,
  });
  const close = async () => {
    closing.close();
    await sessions.close();
  };
  closers.unshift(close);
  const toCaller = (client: string, capabilities: string): LinkCaller => ({
    ...caller(client),
    capabilities,
  });
  const connect = (client = "a", capabilities = "{}") =>
    sessions.connect(toCaller(client, capabilities), never);
  const link = async (client?: string, capabilities?: string): Promise<Link> => {
    const found = await connect(client, capabilities);
    if (isFailure(found)) throw new Error(`${found.code} ${found.why}`);
    return found;
  };
  return { link, connect, close, noticed, changes };
}

const addOne = { params: json('{"name":"add","arguments":{"a":1}}') };

test("a server of the old transport is opened and called", async () => {
  const { url } = await startOld();
  const link = await open(url).link();
  expect([link.era, link.revision]).toEqual(["legacy", "2025-11-25"]);
  expect(await end(link, "add", addOne)).toContain('"text":"2"');
});

test("an upstream of the old transport is found out once, and remembered", async () => {
  const { url, asked } = await startOld();
  const upstreams = openAll({ it: { url } });
  closers.unshift(upstreams.close);
  expect(await keysOf(upstreams.the("it"), "tools")).toContain("add");
  expect(upstreams.status()[0]).toMatchObject({ transport: "http", era: "legacy", state: "up" });
  const found = ["POST /sse", "POST /sse", "GET /sse"];
  expect(asked.filter((each) => each.endsWith("/sse"))).toEqual(found);
  await ask(upstreams.the("it"), callTool("add", '{"a":1}', caller("another")));
  expect(asked.filter((each) => each.endsWith("/sse"))).toEqual([...found, "GET /sse"]);
});

test("an upstream of the old transport whose stream was lost is not looked for anew", async () => {
  const { url, asked, servers } = await startOld();
  const upstreams = openAll({ it: { url } });
  closers.unshift(upstreams.close);
  const it = upstreams.the("it");
  await ask(it, callTool("add", '{"a":1}'));
  const call = ask(it, callTool("never"));
  await eventually(() => asked.filter((each) => each === "POST /messages").length === 4);
  await servers[0]?.close();
  expect(shown(await call)).toBe("UPSTREAM_UNAVAILABLE");
  const before = asked.length;
  expect(await ask(it, callTool("add", '{"a":1}'))).toMatchObject({
    why: expect.stringContaining("The session ended; it is opened again in"),
  });
  expect(asked).toHaveLength(before);
});

test("a server of the old transport that became another one is found out anew", async () => {
  let isOld = true;
  const server = await startFake((asked, response) => {
    if (!isOld) {
      sendJson(response, result(asked.id, asked.method === "server/discover" ? discovery : "{}"));
    } else if (asked.httpMethod === "GET") {
      startEvents(response);
      response.end("event: endpoint\ndata: http://evil/\n\n");
    } else response.writeHead(405).end();
  });
  closers.push(server.close);
  const upstreams = openAll({ it: { url: server.url } });
  closers.unshift(upstreams.close);
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toBe("UPSTREAM_UNAVAILABLE");
  isOld = false;
  expect(shown(await ask(upstreams.the("it"), callTool("t")))).toBe('{"resultType":"complete"}');
});

test.each([401, 403, 409, 500, 503])(
  "a refusal with %i is not asked for the old transport",
  async (status) => {
    const server = await startFake((asked, response) => {
      const isProbe = asked.method === "server/discover";
      response.writeHead(isProbe ? 404 : status).end();
    });
    closers.push(server.close);
    const upstreams = openAll({ it: { url: server.url } });
    closers.unshift(upstreams.close);
    await ask(upstreams.the("it"), callTool("t"));
    expect(server.asked.map(({ httpMethod }) => httpMethod)).not.toContain("GET");
  },
);

test("many calls of a session at once each get their own answer", async () => {
  const { url, streams } = await startOld();
  const link = await open(url).link();
  const texts = await Promise.all(
    Array.from({ length: 20 }, (_, a) =>
      end(link, "add", { params: json(`{"name":"add","arguments":{"a":${a}}}`) }),
    ),
  );
  expect(texts.map((text) => /"text":"(\d+)"/.exec(text)?.[1])).toEqual(
    Array.from({ length: 20 }, (_, a) => String(a + 1)),
  );
  expect(streams()).toBe(1);
});

test("a session is of one client and its capabilities, and found again by it", async () => {
  const { url, streams } = await startOld();
  const { link } = open(url);
  for (const [client, capabilities] of [
    ["a", "{}"],
    ["b", "{}"],
    ["a", form],
    ["a", "{}"],
  ]) {
    await link(client, capabilities);
  }
  expect(streams()).toBe(3);
});

test("a server of the old transport asks in the middle of a call", async () => {
  const { url } = await startOld();
  const messages = await start(await open(url).link("a", form), "ask");
  const question = await next(messages);
  if (question.kind !== "question") throw new Error(question.kind);
  await question.reply({ kind: "result", result: json('{"action":"decline"}') });
  const last = await next(messages);
  expect(JSON.stringify(last)).toContain("decline");
  await messages.return?.();
});

test("progress on the stream finds its call", async () => {
  const { url } = await startOld();
  const params = json('{"name":"slow","_meta":{"progressToken":0}}');
  const link = await open(url).link();
  const messages = await start(link, "slow", { params, progressToken: "7" });
  expect(await next(messages)).toMatchObject({ method: "notifications/progress" });
  expect((await next(messages)).kind).toBe("result");
  await messages.return?.();
});

test("list changes are told to listeners, and to those who keep lists", async () => {
  const { url, servers } = await startOld();
  const { link, changes } = open(url);
  const gone = new AbortController();
  const wish = { lists: new Set(["tools"] as const), uris: [] };
  const { texts, over } = gather(await (await link()).listen(wish, gone.signal));
  servers[0]?.sendToolListChanged();
  await eventually(() => texts.length === 1);
  expect(changes).toEqual(['tools ["a",null,"{}"]']);
  gone.abort();
  await over;
});

test("a lost stream ends its calls, and the next call opens a new one after a pause", async () => {
  const clock = createFakeClock();
  const { url, servers, streams } = await startOld();
  const { link, connect } = open(url, { clock });
  const call = end(await link(), "never");
  await eventually(() => streams() === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await servers[0]?.close();
  expect(await call).toBe("UPSTREAM_UNAVAILABLE");
  expect(await connect()).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  await clock.advance(1_100);
  expect(await end(await link(), "add", addOne)).toContain('"text":"2"');
});

test("an idle session ends after ten minutes, and all end at the close", async () => {
  const clock = createFakeClock();
  const { url, streams } = await startOld();
  const { link, close } = open(url, { clock });
  await link("a");
  await clock.advance(300_000);
  await link("b");
  expect(streams()).toBe(2);
  await clock.advance(301_000);
  await eventually(() => streams() === 1);
  await close();
  await eventually(() => streams() === 0);
});

/** A server of the old transport that names `endpoint` first, and answers as `answer` says. */
async function startHostile(
  endpoint: string,
  answer: (id: number, method: string, stream: ServerResponse, post: ServerResponse) => void,
): Promise<FakeServer> {
  let stream: ServerResponse | undefined;
  const server = await startFake((asked, response) => {
    if (asked.httpMethod === "GET") {
      stream = response;
      startEvents(response);
      response.write(endpoint.replace("HOST", asked.headers.host ?? ""));
    } else if (stream !== undefined) {
      answer(asked.id, asked.method, stream, response);
    }
  });
  closers.push(server.close);
  return server;
}

const initialized = '{"protocolVersion":"2024-11-05","capabilities":{}}';
const answerTo = (id: number, text: string) => `event: message\ndata: ${result(id, text)}\n\n`;

test.each([
  ["another origin", "event: endpoint\ndata: http://127.0.0.1:1/messages\n\n", "UPSTREAM_INVALID"],
  ["another host without a scheme", "event: endpoint\ndata: //evil/x\n\n", "UPSTREAM_INVALID"],
  ["another scheme", "event: endpoint\ndata: file:///etc/passwd\n\n", "UPSTREAM_INVALID"],
  ["a password", "event: endpoint\ndata: http://a:b@HOST/x\n\n", "UPSTREAM_INVALID"],
  ["a message before it", "event: message\ndata: {}\n\n", "UPSTREAM_UNAVAILABLE"],
])("a stream that begins with an endpoint of %s is refused", async (_, endpoint, code) => {
  const server = await startHostile(endpoint, () => undefined);
  expect(await open(server.url).connect()).toMatchObject({ code });
  await eventually(() => server.busy() === 0);
  expect(server.asked.filter(({ httpMethod }) => httpMethod === "POST")).toEqual([]);
});

test("a stream that does not name its endpoint is given up after ten seconds", async () => {
  const clock = createFakeClock();
  const server = await startHostile(": nothing\n\n", () => undefined);
  const connecting = open(server.url, { clock }).connect();
  await eventually(() => server.busy() === 1);
  await clock.advance(10_100);
  expect(await connecting).toMatchObject({ code: "UPSTREAM_TIMEOUT" });
  await eventually(() => server.busy() === 0);
});

test.each([404, 405, 200])("an answer of %i that is no stream is no session", async (status) => {
  const server = await startFake((_, response) => void response.writeHead(status).end("{}"));
  closers.push(server.close);
  expect(await open(server.url).connect()).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
});

test("the configured headers go with the stream and with each message, also to a named path", async () => {
  const server = await startHostile("event: endpoint\ndata: /up?s=1\n\n", (id, _, stream, post) => {
    post.writeHead(202).end();
    if (id !== 0) stream.write(answerTo(id, initialized));
  });
  await open(server.url, { headers: { authorization: "Bearer t" } }).link();
  expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(
    Array.from({ length: 3 }, () => "Bearer t"),
  );
});

test("an answer counts, whenever its POST is answered", async () => {
  const server = await startHostile(
    "event: endpoint\ndata: /up\n\n",
    (id, method, stream, post) => {
      if (method !== "tools/call") post.writeHead(200).end();
      if (method === "initialize") stream.write(answerTo(id, initialized));
      if (method === "tools/call") stream.write(answerTo(id, '{"content":[]}'));
    },
  );
  expect(await end(await open(server.url).link(), "t")).toBe('{"content":[]}');
  // Nobody waits for that POST any more.
  await eventually(() => server.busy() === 1);
});

test("a refused message ends its call, and a lost session all of them", async () => {
  let status = 500;
  const server = await startHostile(
    "event: endpoint\ndata: /up\n\n",
    (id, method, stream, post) => {
      const isCall = method === "tools/call";
      if (isCall && server.asked.at(-1)?.params.includes("open")) return;
      post.writeHead(isCall ? status : 202).end();
      if (method === "initialize") stream.write(answerTo(id, initialized));
    },
  );
  const link = await open(server.url).link();
  const other = end(link, "open");
  expect(await end(link, "t")).toBe("UPSTREAM_UNAVAILABLE");
  status = 404;
  expect(await end(link, "t")).toBe("UPSTREAM_UNAVAILABLE");
  expect(await other).toBe("UPSTREAM_UNAVAILABLE");
  await eventually(() => server.busy() === 0);
});

test("a call that is left is cancelled at the server", async () => {
  const server = await startHostile(
    "event: endpoint\ndata: /up\n\n",
    (id, method, stream, post) => {
      post.writeHead(202).end();
      if (method === "initialize") stream.write(answerTo(id, initialized));
    },
  );
  const link = await open(server.url).link();
  const gone = new AbortController();
  const left = (await start(link, "never", {}, gone.signal)).next();
  await eventually(() => server.methods().includes("tools/call"));
  gone.abort();
  expect(await left).toMatchObject({ done: true });
  await eventually(() => server.methods().includes("notifications/cancelled"));
});
