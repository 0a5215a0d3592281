import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EchoServer, anyTool, startEchoServer } from "./echo-server.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  authB,
  post,
  runGateway,
  tokenA,
  tokenB,
} from "./gateway.ts";

let server: EchoServer;
let gateway: RunningGateway;
let cancelled: Promise<void>;

beforeAll(async () => {
  let onCancel: () => void = () => undefined;
  cancelled = new Promise((resolve) => {
    onCancel = resolve;
  });
  server = await startEchoServer({
    tools: () => [anyTool("echo"), anyTool("wait")],
    raw: (id, response, { body }) => {
      if (body.includes('"name":"wait"')) {
        response.on("close", onCancel);
        return;
      }
      response.writeHead(200, { "content-type": "application/json" });
      const result = '{"content":[],"resultType":"complete","_meta":{"a":1}}';
      response.end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
    },
  });
  gateway = await runGateway({
    upstreams: { echo: { url: server.url } },
    clients: { a: { auth: authA, allow: allowAll }, b: { auth: authB, allow: allowAll } },
  });
});
afterAll(async () => {
  await gateway.close();
  await server.close();
});

const message = (method: string, params: object = {}, id: number | null = 1) =>
  JSON.stringify({ jsonrpc: "2.0", ...(id === null ? {} : { id }), method, params });

async function send(body: string, headers: Record<string, string> = {}, token = tokenA) {
  const basic = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  return await post(`${gateway.url}/mcp`, { headers: { ...basic, ...headers }, body }, token);
}

async function open(revision = "2025-11-25", token = tokenA) {
  const params = {
    protocolVersion: revision,
    capabilities: { roots: {} },
    clientInfo: { name: "t", version: "1" },
  };
  const answer = await send(message("initialize", params), {}, token);
  const session = answer.headers.get("mcp-session-id") ?? "";
  return { answer, headers: { "mcp-session-id": session } };
}

test.each(["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])(
  "initialize echoes the supported revision %s",
  async (revision) => {
    const { answer, headers } = await open(revision);
    expect(answer.json().result?.["protocolVersion"]).toBe(revision);
    expect(headers["mcp-session-id"].length).toBeGreaterThan(20);
    expect(headers["mcp-session-id"].length).toBeLessThanOrEqual(1024);
    expect((await send(message("notifications/initialized", {}, null), headers)).status).toBe(202);
    expect((await send(message("ping"), headers)).json().result).toEqual({});
  },
);

test("initialize answers an unknown revision with the newest legacy one", async () => {
  const { answer } = await open("1999-01-01");
  expect(answer.json().result?.["protocolVersion"]).toBe("2025-11-25");
});

test("a legacy answer holds nothing that only the modern era has", async () => {
  const { headers } = await open();
  const answer = await send(message("tools/call", { name: "echo__echo", arguments: {} }), headers);
  expect(answer.text).toContain('"result":{"content":[],"_meta":{"a":1}}');
  const list = await send(message("tools/list"), headers);
  expect(list.text).not.toMatch(/resultType|cacheScope|ttlMs/);
});

describe("a session", () => {
  test("is asked for", async () => {
    const answer = await send(message("tools/list"));
    expect([answer.status, answer.json().error?.data.code]).toEqual([400, "SESSION_REQUIRED"]);
  });

  test.each([
    ["of another client", async () => (await open("2025-11-25", tokenB)).headers["mcp-session-id"]],
    ["that is made up", async () => "0123456789abcdef0123456789abcdef"],
    [
      "changed by one letter",
      async () => {
        const { headers } = await open();
        const id = headers["mcp-session-id"];
        return id.slice(0, -3) + (id.at(-3) === "A" ? "B" : "A") + id.slice(-2);
      },
    ],
  ])("%s is unknown", async (_, make) => {
    const answer = await send(message("tools/list"), { "mcp-session-id": await make() });
    expect([answer.status, answer.json().error?.data.code]).toEqual([404, "SESSION_UNKNOWN"]);
  });

  test("ends with DELETE, by its own client alone", async () => {
    const { headers } = await open();
    const remove = (token: string) =>
      fetch(`${gateway.url}/mcp`, {
        method: "DELETE",
        headers: { ...headers, authorization: `Bearer ${token}` },
      });
    expect((await remove(tokenB)).status).toBe(404);
    expect((await send(message("ping"), headers)).status).toBe(200);
    expect((await remove(tokenA)).status).toBe(204);
    expect((await send(message("ping"), headers)).status).toBe(404);
  });

  test("speaks the revision that it was opened with", async () => {
    const { headers } = await open("2025-06-18");
    const answer = await send(message("ping"), {
      ...headers,
      "mcp-protocol-version": "2025-11-25",
    });
    expect(answer.status).toBe(400);
  });
});

test("an unknown method is a JSON-RPC error with status 200", async () => {
  const { headers } = await open();
  const answer = await send(message("tools/destroy"), headers);
  expect([answer.status, answer.json().error?.code]).toEqual([200, -32601]);
});

test("a missing resource has the number that the legacy era gave it", async () => {
  const { headers } = await open();
  const answer = await send(message("resources/read", { uri: "echo+x:/../nothing" }), headers);
  expect(answer.json().error?.code).toBe(-32002);
});

test("a message that answers nothing is refused", async () => {
  const { headers } = await open();
  const answer = await send('{"jsonrpc":"2.0","id":1,"result":{}}', headers);
  expect([answer.status, answer.json().error?.code]).toEqual([400, -32600]);
});

test("GET is told which methods there are", async () => {
  const response = await fetch(`${gateway.url}/mcp`, {
    headers: { authorization: `Bearer ${tokenA}`, accept: "text/event-stream" },
  });
  expect(response.status).toBe(405);
  expect(response.headers.get("allow")).toContain("POST");
});

test("notifications/cancelled ends the call at the upstream, and the record says so", async () => {
  const { headers } = await open();
  const call = send(message("tools/call", { name: "echo__wait", arguments: {} }, 42), headers);
  while (server.calls.every(({ body }) => !body.includes("wait"))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  await send(message("notifications/cancelled", { requestId: 42 }, null), headers);
  await cancelled;
  await call;
  const record = (await gateway.records()).find(({ decision }) => decision === "cancelled");
  expect(record).toMatchObject({ method: "tools/call", target: "wait", client: "a" });
});
