import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "../../src/core/index.ts";
import { type RedisServer, describeRedis, startRedis } from "../stores/redis-server.ts";
import { type EchoBehaviour, type EchoServer, anyTool, startEchoServer } from "./echo-server.ts";
import { openSession } from "./events.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  authB,
  modernRequest,
  post,
  runGateway,
  tokenA,
  tokenB,
} from "./gateway.ts";

const keys = [new Secret("a-key-of-three-gateways-of-thirty-two-bytes")];
const initialize = {
  headers: {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  },
  body: JSON.stringify({
    jsonrpc: "2.0",
    id: 0,
    method: "initialize",
    params: {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "test", version: "1" },
    },
  }),
};

/** Asks for a name, and answers with it. */
const ask: EchoBehaviour["raw"] = (id, response, { body }) => {
  const params = '{"message":"Name?","requestedSchema":{"type":"object","properties":{}}}';
  const question = `{"n":{"method":"elicitation/create","params":${params}}}`;
  const name = /"name":"(Ada)"/.exec(body)?.[1];
  const result =
    name === undefined
      ? `{"resultType":"input_required","inputRequests":${question}}`
      : `{"resultType":"complete","content":[{"type":"text","text":"${name}"}]}`;
  response.writeHead(200, { "content-type": "application/json" });
  response.end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
};

describeRedis("three gateways with one store", () => {
  let redis: RedisServer;
  let server: EchoServer;
  let gateways: readonly RunningGateway[];

  const open = (): Promise<RunningGateway> =>
    runGateway({
      keys,
      store: { redis: redis.url, prefix: "test:" },
      upstreams: { x: { url: server.url } },
      clients: {
        a: { auth: authA, allow: allowAll, rate: { burst: 50, perSecond: 0.001 } },
        b: {
          auth: authB,
          allow: { ...allowAll, input: ["elicitation"] },
          rate: { burst: 1_000_000, perSecond: 1_000_000 },
        },
      },
    });

  beforeAll(async () => {
    redis = await startRedis();
    server = await startEchoServer({ tools: () => [anyTool("ask")], raw: ask });
    gateways = await Promise.all([open(), open(), open()]);
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await server.close();
    await redis.close();
  });

  test("let through together what one bucket holds, to the token", async () => {
    const statuses = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const gateway = gateways[index % gateways.length];
        const answer = await post(`${gateway?.url}/mcp`, modernRequest("tools/list"), tokenA);
        return answer.status;
      }),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(50);
    expect(statuses.filter((status) => status === 429)).toHaveLength(150);
  });

  test("serve each other's legacy sessions, also when the one that opened it has gone", async () => {
    const [first, second, third] = gateways;
    const extra = await open();
    const opened = await post(`${extra.url}/mcp`, initialize, tokenB);
    const session = opened.headers.get("mcp-session-id") ?? "";
    await extra.close();
    const headers = { ...initialize.headers, "mcp-session-id": session };
    const list = { headers, body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' };
    for (const gateway of [first, second, third]) {
      expect((await post(`${gateway?.url}/mcp`, list, tokenB)).status).toBe(200);
    }
    const ended = await fetch(`${first?.url}/mcp`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${tokenB}`, "mcp-session-id": session },
    });
    expect(ended.status).toBe(204);
    for (const gateway of [first, second, third]) {
      expect((await post(`${gateway?.url}/mcp`, list, tokenB)).status).toBe(404);
    }
  });

  test("take the answer to what another one asks, and end what another one has", async () => {
    const [first, second, third] = gateways;
    const capabilities = { elicitation: {} };
    const own = await openSession(first?.url ?? "", { token: tokenB, capabilities });
    const headers = { ...own.headers, authorization: `Bearer ${tokenB}` };
    const stream = await own.stream("tools/call", { name: "x__ask", arguments: {} }, 7);
    const question = await stream.next();
    expect(question?.message.method).toBe("elicitation/create");
    const result = { action: "accept", content: { name: "Ada" } };
    const answer = { jsonrpc: "2.0", id: question?.message.id, result };
    const send = (url: string | undefined) =>
      fetch(`${url}/mcp`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(answer),
      });
    expect((await send(second?.url)).status).toBe(202);
    expect((await stream.next())?.message).toMatchObject({
      id: 7,
      result: { content: [{ text: "Ada" }] },
    });
    expect((await send(third?.url)).status).toBe(400);

    const listening = await own.listen();
    await fetch(`${third?.url}/mcp`, { method: "DELETE", headers });
    expect(await listening.rest()).toEqual([]);
  });

  test("refuse while the store is away, and go on by themselves when it is back", async () => {
    await redis.kill();
    const call = () => post(`${gateways[0]?.url}/mcp`, modernRequest("tools/list"), tokenB);
    const refused = await call();
    expect([refused.status, refused.json().code]).toEqual([503, "STORE_UNAVAILABLE"]);
    await redis.start();
    const from = performance.now();
    let status = 503;
    while (status !== 200 && performance.now() - from < 10_000) ({ status } = await call());
    expect(status).toBe(200);
  });
});

test("a Redis store without keys is refused", async () => {
  const config = { store: { redis: "redis://127.0.0.1:1" }, upstreams: {}, clients: {} };
  await expect(runGateway(config)).rejects.toThrow("A Redis store needs at least one key");
});
