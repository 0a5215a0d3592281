/** What a gateway has under way, or holds, when its store is lost. */
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../src/core/index.ts";
import { eventually } from "../stores/eventually.ts";
import { type RedisServer, describeRedis, startRedis } from "../stores/redis-server.ts";
import { type Road, openRoad } from "../stores/road.ts";
import { type AskingServer, startAsking } from "../upstreams/remote-harness.ts";
import { type ChangingServer, startChangingServer } from "./changing-server.ts";
import { type RawSession, openSession, streamAccept } from "./events.ts";
import { allowAll, authA, modernRequest, post, tokenA } from "./gateway.ts";
import { type TroubledGateway, isUp, openTroubled } from "./trouble-rig.ts";

const meta = { "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } } };
const result = { action: "accept", content: { name: "Ada" } };

describeRedis("what is under way when the store is lost", () => {
  let redis: RedisServer;
  let road: Road;
  let asking: AskingServer;
  let changing: ChangingServer;
  let gateway: TroubledGateway;

  beforeAll(async () => {
    redis = await startRedis();
    asking = await startAsking({
      end: (one, answer) =>
        one.end(`{"content":[{"type":"text","text":${JSON.stringify(answer)}}]}`),
    });
    changing = await startChangingServer("legacy");
  });
  afterAll(async () => {
    await asking.close();
    await changing.stop();
    await redis.close();
  });
  beforeEach(async () => {
    road = await openRoad(redis.port);
  });
  afterEach(async () => {
    await gateway.close();
    await road.close();
  });

  const open = async (onLost: "refuse" | "local"): Promise<void> => {
    gateway = await openTroubled({
      keys: [new Secret("a-key-of-a-gateway-that-holds-of-thirty-two-bytes")],
      store: { redis: `redis://127.0.0.1:${road.port}`, onLost, localShare: 0.5 },
      upstreams: { x: { url: asking.url }, y: { url: changing.url } },
      clients: {
        a: {
          auth: authA,
          allow: { ...allowAll, input: ["elicitation"] },
          rate: { burst: 1_000, perSecond: 1_000 },
        },
      },
    });
  };
  const lose = async (): Promise<void> => {
    await road.refuse();
    await eventually(() => !isUp(gateway));
  };
  const comeBack = async (): Promise<void> => {
    await road.listen();
    expect(await eventually(() => isUp(gateway))).toBeLessThan(2_000);
  };

  const call = (more: object = {}) =>
    post(
      `${gateway.url}/mcp/x`,
      modernRequest("tools/call", { name: "end", arguments: {}, ...more }, { meta }),
    );
  async function hold(): Promise<object> {
    const asked = (await call()).json().result;
    expect(asked?.["resultType"]).toBe("input_required");
    return { inputResponses: { "input-1": result }, requestState: asked?.["requestState"] };
  }
  const reply = (session: RawSession, id: unknown): Promise<Response> =>
    fetch(`${gateway.url}/mcp`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${tokenA}`,
        "content-type": "application/json",
        ...streamAccept,
        ...session.headers,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id, result }),
    });

  test("a call that is held goes on when the store is back", async () => {
    await open("refuse");
    const answer = await hold();
    await lose();
    const refused = await call(answer);
    expect([refused.status, refused.json().code]).toEqual([503, "STORE_UNAVAILABLE"]);
    await comeBack();
    expect((await call(answer)).text).toContain("Ada");
  });

  test("a call that is held goes on meanwhile, where the config wants that", async () => {
    await open("local");
    const answer = await hold();
    await lose();
    expect((await call(answer)).text).toContain("Ada");
    await comeBack();
  });

  describe.each(["refuse", "local"] as const)("with onLost %s", (onLost) => {
    test("a session is asked, and its answer finds the call", async () => {
      await open(onLost);
      const session = await openSession(gateway.url, { capabilities: { elicitation: {} } });
      const stream = await session.stream("tools/call", { name: "x__end", arguments: {} });
      const question = (await stream.next())?.message;
      expect(question?.method).toBe("elicitation/create");
      await lose();
      const answered = await reply(session, question?.id);
      expect(answered.status).toBe(onLost === "refuse" ? 503 : 202);
      if (onLost === "refuse") {
        expect(await answered.json()).toMatchObject({ code: "STORE_UNAVAILABLE" });
        await comeBack();
        expect((await reply(session, question?.id)).status).toBe(202);
      }
      expect(JSON.stringify((await stream.rest()).at(-1)?.message.result)).toContain("Ada");
    });

    test("a session's stream stays open, through a reload as well", async () => {
      await open(onLost);
      const session = await openSession(gateway.url);
      const stream = await session.listen();
      await lose();
      expect(await gateway.instance.operations.reload()).toMatchObject({ result: "reloaded" });
      await comeBack();
      changing.tools.add(`after-${onLost}`);
      changing.changed("tools");
      expect((await stream.next())?.message.method).toBe("notifications/tools/list_changed");
      stream.leave();
      expect(gateway.lines.filter((line) => line.startsWith("error"))).toEqual([]);
    });
  });

  test("a store that is lost between two stages refuses, and names the request", async () => {
    await open("refuse");
    const session = await openSession(gateway.url);
    const hands = new Redis(redis.url);
    const headers = { authorization: `Bearer ${tokenA}`, ...session.headers };
    try {
      // A bucket needs no such right, and the record of a session does.
      await hands.acl("SETUSER", "default", "-get");
      const asked = await session.send("tools/list", {}, 7);
      expect(asked.status).toBe(503);
      expect(asked.last).toMatchObject({ id: 7, error: { data: { code: "STORE_UNAVAILABLE" } } });
      for (const init of [{ method: "DELETE" }, { headers: { accept: "text/event-stream" } }]) {
        const answer = await fetch(`${gateway.url}/mcp`, {
          ...init,
          headers: { ...headers, ...init.headers },
        });
        expect(answer.status).toBe(503);
        expect(await answer.text()).toContain("STORE_UNAVAILABLE");
      }
    } finally {
      await hands.acl("SETUSER", "default", "+get");
      hands.disconnect();
    }
    await eventually(() => isUp(gateway));
    expect((await session.send("tools/list")).status).toBe(200);
    expect(gateway.lines.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  test("a session that began while the store was lost ends when it is back", async () => {
    await open("local");
    await lose();
    const session = await openSession(gateway.url);
    expect((await session.send("tools/list")).status).toBe(200);
    expect((await session.send("logging/setLevel", { level: "error" })).status).toBe(200);
    await comeBack();
    expect((await session.send("tools/list")).status).toBe(404);
  });

  test("a session of another gateway is not said to be unknown", async () => {
    await open("local");
    const session = await openSession(gateway.url);
    const first = gateway;
    await open("local");
    await lose();
    const unknown = await fetch(`${gateway.url}/mcp`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${tokenA}`,
        "content-type": "application/json",
        ...streamAccept,
        ...session.headers,
      },
      body: '{"jsonrpc":"2.0","id":7,"method":"tools/list"}',
    });
    expect(unknown.status).toBe(503);
    expect(await unknown.json()).toMatchObject({
      id: 7,
      error: { data: { code: "STORE_UNAVAILABLE" } },
    });
    await first.close();
  });
});
