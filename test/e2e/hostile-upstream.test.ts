import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EchoServer, type SeenRequest, anyTool, startEchoServer } from "./echo-server.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  modernRequest,
  post,
  runGateway,
  tokenA,
} from "./gateway.ts";

let server: EchoServer;
let gateway: RunningGateway;
let misbehave: (id: string, response: ServerResponse, request: SeenRequest) => void;
let tools: string[] = [anyTool("echo")];
const key = "AKIA" + "IOSFODNN7EXAMPLZ";

beforeAll(async () => {
  server = await startEchoServer({
    raw: (id, response, request) => misbehave(id, response, request),
    tools: () => tools,
  });
  gateway = await runGateway({
    upstreams: { echo: { url: server.url, timeoutMs: 400 } },
    clients: {
      a: { auth: authA, allow: allowAll, maxResponseBytes: 50_000, rate: { burst: 10_000 } },
    },
  });
});
afterAll(async () => {
  await gateway.close();
  await server.close();
});

const call = () =>
  post(`${gateway.url}/mcp`, modernRequest("tools/call", { name: "echo__echo", arguments: {} }));
const json = (response: ServerResponse, text: string): void => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(text);
};
const exchanges = async () => (await gateway.records()).filter(({ kind }) => kind === "exchange");
const lastRecord = async () => (await exchanges()).at(-1) ?? {};

describe("an upstream that", () => {
  test.each<[string, typeof misbehave, string, number]>([
    ["answers garbage", (_, r) => json(r, "<html>"), "UPSTREAM_INVALID", 502],
    [
      "answers another id",
      (_, r) => json(r, '{"jsonrpc":"2.0","id":999999,"result":{}}'),
      "UPSTREAM_INVALID",
      502,
    ],
    [
      "repeats a key",
      (id, r) => json(r, `{"jsonrpc":"2.0","id":${id},"result":{"a":1,"a":2}}`),
      "UPSTREAM_INVALID",
      502,
    ],
    ["never answers", () => undefined, "UPSTREAM_TIMEOUT", 504],
    [
      "answers 500 with a stack trace",
      (_, r) => r.writeHead(500).end("Error at /home/x/secret.js:1"),
      "UPSTREAM_UNAVAILABLE",
      502,
    ],
    [
      "redirects inside",
      (_, r) => r.writeHead(307, { location: "http://169.254.169.254/" }).end(),
      "UPSTREAM_UNAVAILABLE",
      502,
    ],
    ["breaks the connection", (_, r) => r.destroy(), "UPSTREAM_UNAVAILABLE", 502],
    [
      "asks for input",
      (id, r) =>
        json(
          r,
          `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}}`,
        ),
      "INPUT_DENIED",
      200,
    ],
    [
      "answers too much",
      (id, r) =>
        json(
          r,
          `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"${"x".repeat(60_000)}"}]}}`,
        ),
      "RESPONSE_TOO_LARGE",
      200,
    ],
  ])("%s", async (_, act, code, status) => {
    misbehave = act;
    const before = (await exchanges()).length;
    const answer = await call();
    expect([answer.status, answer.json().error?.data.code]).toEqual([status, code]);
    expect(answer.text).not.toMatch(/secret\.js|169\.254|html/);
    const records = await exchanges();
    expect(records.length).toBe(before + 1);
    expect(records.at(-1)).toMatchObject({
      code,
      decision: code === "RESPONSE_TOO_LARGE" ? "denied" : "failed",
    });
  });

  test("answers twice is heard once", async () => {
    misbehave = (id, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: {"jsonrpc":"2.0","id":${id},"result":{"content":[],"n":1}}\n\n`);
      response.end(`data: {"jsonrpc":"2.0","id":${id},"result":{"content":[],"n":2}}\n\n`);
    };
    const answer = await call();
    expect(answer.json().result).toMatchObject({ n: 1 });
  });

  test("injects events gets them in as text of one event", async () => {
    misbehave = (id, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("event: endpoint\rid: 1\rretry: 1\rdata: {}\r\r: comment " + key + "\n\n");
      response.write(
        `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"${key} \\n\\ndata: x"}}\n\n`,
      );
      response.end(`data: {"jsonrpc":"2.0","id":${id},\r\ndata: "result":{"content":[]}}\n\n`);
    };
    const meta = { "io.modelcontextprotocol/logLevel": "debug" };
    const answer = await post(
      `${gateway.url}/mcp`,
      modernRequest("tools/call", { name: "echo__echo", arguments: {} }, { meta }),
    );
    expect(answer.headers.get("content-type")).toContain("text/event-stream");
    expect(answer.text).not.toContain(key);
    expect(answer.text).not.toMatch(/retry|endpoint|comment/);
    const events = answer.text.trim().split("\n\n");
    expect(events).toHaveLength(2);
    for (const event of events) expect(event).toMatch(/^(event: message\n)?data: \{.*\}$/);
  });

  test("leaks a secret in its error is cleaned", async () => {
    misbehave = (id, response) =>
      json(
        response,
        `{"jsonrpc":"2.0","id":${id},"error":{"code":-32001,"message":"bad ${key}","data":{"t":"${key}"}}}`,
      );
    const answer = await call();
    expect(answer.json().error?.code).toBe(-32001);
    expect(answer.text).not.toContain(key);
    expect((await lastRecord())["redactions"]).toHaveLength(2);
  });

  test("hides text in its answer is stripped of it", async () => {
    misbehave = (id, response) =>
      json(
        response,
        `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"a\u{e0041}\u{e0042}b\\u001b[31mred\u202e"}]}}`,
      );
    const answer = await call();
    expect(answer.json().result?.content?.[0]?.text).toBe("abred");
  });
});

test("a client that leaves cancels, and the record says so", async () => {
  const left = new Promise<void>((resolve) => {
    misbehave = (_, response) => {
      response.on("close", () => resolve());
      controller.abort();
    };
  });
  const controller = new AbortController();
  const { headers, body } = modernRequest("tools/call", { name: "echo__echo", arguments: {} });
  await fetch(`${gateway.url}/mcp`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${tokenA}` },
    body,
    signal: controller.signal,
  }).catch(() => undefined);
  await left;
  await expect.poll(async () => (await lastRecord())["decision"]).toBe("cancelled");
});

test("broken definitions are dropped and the rest is served", async () => {
  tools = [
    anyTool("good"),
    anyTool("twice"),
    anyTool("twice"),
    anyTool("b\u0430d"),
    '{"name":"no-schema"}',
    '{"name":7,"inputSchema":{"type":"object"}}',
    '{"name":"header","inputSchema":{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A\\r\\nB"}}}}',
    `{"name":"icon","icons":[{"src":"javascript:alert(1)"}],"description":"key ${key} \u{e0041}","inputSchema":{"type":"object"}}`,
  ];
  const other = await runGateway({
    upstreams: { echo: { url: server.url } },
    clients: { a: { auth: authA, allow: allowAll } },
  });
  const list = await post(`${other.url}/mcp/echo`, modernRequest("tools/list"));
  expect(list.json().result?.tools?.map(({ name }) => name)).toEqual(["good", "icon"]);
  expect(list.text).not.toContain(key);
  expect(list.text).not.toContain("javascript:");
  expect(list.text).not.toContain("\u{e0041}");
  await other.close();
});

test("one dead upstream is left out, and only dead ones are an error", async () => {
  tools = [anyTool("echo")];
  const other = await runGateway({
    upstreams: { dead: { url: "http://127.0.0.1:9/mcp" }, echo: { url: server.url } },
    clients: { a: { auth: authA, allow: allowAll } },
  });
  const all = await post(`${other.url}/mcp`, modernRequest("tools/list"));
  expect(all.json().result?.tools?.map(({ name }) => name)).toEqual(["echo__echo"]);
  const dead = await post(`${other.url}/mcp/dead`, modernRequest("tools/list"));
  expect([dead.status, dead.json().error?.data.code]).toEqual([502, "UPSTREAM_UNAVAILABLE"]);
  await other.close();
});
