/** Whoever can read and write the store that instances share (J8): a Redis is often shared, and seldom watched. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "../../src/core/index.ts";
import {
  type EchoBehaviour,
  type EchoServer,
  anyTool,
  startEchoServer,
} from "../e2e/echo-server.ts";
import { type EventStream, openSession } from "../e2e/events.ts";
import { type RunningGateway, allowAll, authB, runGateway, tokenB } from "../e2e/gateway.ts";
import { eventually } from "../stores/eventually.ts";
import { type RedisServer, describeRedis, startRedis } from "../stores/redis-server.ts";

/** Asks for a name, and answers with it. */
const askForName: EchoBehaviour["raw"] = (id, response, { body }) => {
  const params = '{"message":"Name?","requestedSchema":{"type":"object","properties":{}}}';
  const question = `{"n":{"method":"elicitation/create","params":${params}}}`;
  const name = /"name":"(Ada[^"]*|Mallory)"/.exec(body)?.[1];
  const result =
    name === undefined
      ? `{"resultType":"input_required","inputRequests":${question}}`
      : `{"resultType":"complete","content":[{"type":"text","text":"${name.slice(0, 16)} ${name.length}"}]}`;
  response.writeHead(200, { "content-type": "application/json" });
  response.end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
};

describeRedis("Who holds the Redis of two gateways", () => {
  let redis: RedisServer;
  let server: EchoServer;
  let gateways: readonly RunningGateway[];
  let thief: Redis;
  let ear: Redis;
  const heard: string[] = [];

  const open = (): Promise<RunningGateway> =>
    runGateway({
      keys: [new Secret("a-key-of-two-gateways-of-thirty-two-bytes")],
      store: { redis: redis.url, prefix: "test:" },
      upstreams: { x: { url: server.url } },
      clients: { b: { auth: authB, allow: { ...allowAll, input: ["elicitation"] } } },
    });

  beforeAll(async () => {
    redis = await startRedis();
    server = await startEchoServer({ tools: () => [anyTool("ask")], raw: askForName });
    gateways = await Promise.all([open(), open()]);
    thief = new Redis(redis.url);
    ear = new Redis(redis.url);
    ear.on("pmessage", (_pattern: string, channel: string, text: string) => {
      heard.push(`${channel} ${text}`);
    });
    await ear.psubscribe("*");
  });
  afterAll(async () => {
    thief.disconnect();
    ear.disconnect();
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await server.close();
    await redis.close();
  });

  /** A call at the first gateway that has asked its client, and what the store tells of that. */
  async function asked(): Promise<{
    stream: EventStream;
    session: string;
    id: string;
    answer: (at: RunningGateway | undefined, name: string) => Promise<number>;
  }> {
    const capabilities = { elicitation: {} };
    const own = await openSession(gateways[0]?.url ?? "", { token: tokenB, capabilities });
    const stream = await own.stream("tools/call", { name: "x__ask", arguments: {} }, 7);
    const question = await stream.next();
    expect(question?.message.method).toBe("elicitation/create");
    const id = String(question?.message.id);
    const key = (await thief.keys("*session-question:*")).find((each) => each.includes(id)) ?? "";
    const session = /session-question:([0-9a-f]+):/.exec(key)?.[1] ?? "";
    expect(session).not.toBe("");
    return {
      stream,
      session,
      id,
      answer: async (at, name) => {
        const result = { action: "accept", content: { name } };
        const response = await fetch(`${at?.url}/mcp`, {
          method: "POST",
          headers: {
            ...own.headers,
            authorization: `Bearer ${tokenB}`,
            "content-type": "application/json",
            accept: "application/json, text/event-stream",
          },
          body: JSON.stringify({ jsonrpc: "2.0", id: question?.message.id, result }),
        });
        return response.status;
      },
    };
  }

  test("answers no question in the name of its client, and ends no session or call", async () => {
    const { stream, session, id, answer } = await asked();
    const forge = (more: object) =>
      thief.publish("test:bus0:sessions", JSON.stringify({ v: 1, from: "x", session, ...more }));
    const result = { action: "accept", content: { name: "Mallory" } };
    const forged = [
      { kind: "answered", message: { jsonrpc: "2.0", id, result } },
      { kind: "cancelled", id: 7 },
      { kind: "ended" },
    ];
    for (const one of forged) expect(await forge(one)).toBeGreaterThan(0);
    expect(await answer(gateways[1], "Ada")).toBe(202);
    expect((await stream.next())?.message).toMatchObject({
      id: 7,
      result: { content: [{ text: "Ada 3" }] },
    });
  });

  test("reads nothing of what a client answers, and an old answer answers nothing new", async () => {
    heard.length = 0;
    const first = await asked();
    expect(await first.answer(gateways[1], "Ada of the secret")).toBe(202);
    expect((await first.stream.next())?.message.id).toBe(7);
    await eventually(() => heard.some((each) => each.startsWith("test:bus0:sessions ")));
    expect(heard.join("\n")).not.toContain("Ada");
    const second = await asked();
    for (const each of heard.filter((one) => one.startsWith("test:bus0:sessions "))) {
      await thief.publish("test:bus0:sessions", each.slice("test:bus0:sessions ".length));
    }
    expect(await second.answer(gateways[1], "Ada")).toBe(202);
    expect((await second.stream.next())?.message).toMatchObject({
      result: { content: [{ text: "Ada 3" }] },
    });
  });

  test("does not keep a long answer from its call", async () => {
    const { stream, answer } = await asked();
    const name = `Ada${"a".repeat(1_500_000)}`;
    expect(await answer(gateways[1], name)).toBe(202);
    expect((await stream.next())?.message).toMatchObject({
      result: { content: [{ text: `${name.slice(0, 16)} ${name.length}` }] },
    });
  });
});
