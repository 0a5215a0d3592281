/** What stands in the store, or comes over it, that no gateway wrote. */
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { Secret } from "../../src/core/index.ts";
import { eventually, sleep } from "../stores/eventually.ts";
import { type RedisServer, describeRedis, startRedis } from "../stores/redis-server.ts";
import { type EchoServer, anyTool, startEchoServer } from "./echo-server.ts";
import { type RawSession, openSession } from "./events.ts";
import { allowAll, authA, authB, tokenA, tokenB } from "./gateway.ts";
import { type TroubledGateway, admin, adminToken, askOnce, openTroubled } from "./trouble-rig.ts";

const key = "a-key-of-gateways-that-are-lied-to-of-thirty-two-bytes";
const otherKey = "another-key-of-another-gateway-of-thirty-two-bytes";
const burst = 10;

describeRedis("gateways whose store is changed by hand", () => {
  let redis: RedisServer;
  let hands: Redis;
  let server: EchoServer;
  let one: TroubledGateway;
  let two: TroubledGateway;

  const open = (keys: readonly string[] = [key], prefix = "gw:"): Promise<TroubledGateway> =>
    openTroubled({
      keys: keys.map((each) => new Secret(each)),
      admin: {
        users: { ops: { auth: { token: new Secret(adminToken) }, can: ["read", "operate"] } },
      },
      store: { redis: redis.url, prefix },
      upstreams: { x: { url: server.url } },
      clients: {
        a: { auth: authA, allow: allowAll, rate: { burst: 100_000, perSecond: 100_000 } },
        b: { auth: authB, allow: allowAll, rate: { burst, perSecond: 0.001 } },
      },
    });
  const close = (...gateways: readonly TroubledGateway[]) =>
    Promise.all(gateways.map((gateway) => gateway.close()));

  beforeAll(async () => {
    redis = await startRedis();
    hands = new Redis(redis.url);
    server = await startEchoServer({ tools: () => [anyTool("echo"), anyTool("blocked")] });
  });
  afterAll(async () => {
    hands.disconnect();
    await server.close();
    await redis.close();
  });
  beforeEach(async () => {
    await hands.flushall();
    [one, two] = await Promise.all([open(), open()]);
  });
  afterEach(() => close(one, two));

  const faultsOf = (gateway: TroubledGateway): readonly string[] =>
    gateway.lines.filter((line) => /^(?:error|warn)/.test(line));
  async function keyOf(begin: string): Promise<string> {
    const found = await hands.keys(`${begin}*`);
    expect(found).toHaveLength(1);
    return found[0] ?? "";
  }
  /** How many of 60 calls of client `b` go through, over both. */
  async function letThrough(): Promise<number> {
    const urls = [one.url, two.url];
    const samples = await Promise.all(
      Array.from({ length: 60 }, (_, at) => askOnce(urls[at % 2] ?? "", tokenB)),
    );
    const strange = samples.filter(({ status }) => status !== 200 && status !== 429);
    expect(strange).toEqual([]);
    return samples.filter(({ status }) => status === 200).length;
  }

  test.each([
    ["a text", () => "full please"],
    ["a huge number of tokens", () => `${"9".repeat(15)} 0`],
    ["a number that is none", () => "inf nan"],
    ["a negative number", () => "-5 -5"],
    ["a time to come", () => `${burst * 1_000_000} ${"9".repeat(16)}`],
    ["a megabyte", () => "9".repeat(1_000_000)],
    ["an empty text", () => ""],
  ])("a bucket that is %s gives no more than a full one", async (_, spoil) => {
    expect(await letThrough()).toBe(burst);
    const bucket = await keyOf("gw:bucket:rate:b");
    for (let round = 0; round < 2; round++) {
      await hands.set(bucket, spoil());
      expect(await letThrough()).toBeLessThanOrEqual(burst);
    }
    expect(await letThrough()).toBe(0);
  });

  test("a bucket that is a list counts as an empty one", async () => {
    expect(await letThrough()).toBe(burst);
    const bucket = await keyOf("gw:bucket:rate:b");
    await hands.multi().del(bucket).lpush(bucket, "x").exec();
    expect(await letThrough()).toBe(0);
    expect(await hands.type(bucket)).toBe("string");
  });

  const isLost = async (session: RawSession, url = one.url): Promise<void> => {
    for (const send of [() => session.send("tools/list"), () => session.send("ping")]) {
      const { status, last } = await send();
      expect([status, last.error?.data?.code]).toEqual([404, "SESSION_UNKNOWN"]);
    }
    const headers = { authorization: `Bearer ${tokenA}`, ...session.headers };
    const accept = { accept: "text/event-stream" };
    for (const init of [{ method: "DELETE" }, { method: "GET" }]) {
      const answer = await fetch(`${url}/mcp`, { ...init, headers: { ...headers, ...accept } });
      expect(answer.status).toBe(404);
      await answer.text();
    }
  };

  test.each([
    ["a text", async (at: string) => hands.set(at, "nothing of ours")],
    ["a list", async (at: string) => hands.multi().del(at).lpush(at, "x").exec()],
    ["two megabytes", async (at: string) => hands.set(at, "[".repeat(2_000_000))],
    ["an empty text", async (at: string) => hands.set(at, "")],
    ["too deep", async (at: string) => hands.set(at, "[".repeat(500_000))],
    ["half a record", async (at: string) => hands.set(at, '["2025-11-25","{}"]')],
  ])("a session whose record is %s has ended", async (_, spoil) => {
    const session = await openSession(one.url);
    expect((await session.send("tools/list")).status).toBe(200);
    await spoil(await keyOf("gw:value:session:"));
    await isLost(session);
    expect(faultsOf(one).join("\n")).not.toContain("A stage threw");
  });

  test.each([
    ["of nobody's era", '["1999-01-01","{}","{}",null,[]]'],
    ["of what is no object", '["2025-11-25","[1,","7",null,[]]'],
    ["of a log level that is none", '["2025-11-25","{}","{}","\\u0000loud",[]]'],
    [
      "of resources without end",
      JSON.stringify([
        "2025-11-25",
        "{}",
        "{}",
        null,
        Array.from({ length: 9_000 }, (_, at) => ["x", `note://${at}`, `x+note://${at}`]),
      ]),
    ],
  ])("a session with a record %s breaks nothing", async (_, text) => {
    const session = await openSession(one.url);
    await hands.set(await keyOf("gw:value:session:"), text);
    const { status } = await session.send("tools/list");
    expect([200, 400, 404]).toContain(status);
    const stream = await session.listen();
    expect([200, 400, 404]).toContain(stream.response.status);
    stream.leave();
    expect((await session.send("resources/subscribe", { uri: "x+note://1" })).status).toBeLessThan(
      500,
    );
    expect((await askOnce(one.url, tokenA)).status).toBe(200);
    expect(faultsOf(one)).toEqual([]);
  });

  test("a session that has ended does not come back when its tombstone is spoiled", async () => {
    const session = await openSession(one.url);
    const record = await keyOf("gw:value:session:");
    const text = (await hands.get(record)) ?? "";
    expect((await session.end()).status).toBeLessThan(300);
    await hands.set(record, text);
    const tomb = await keyOf("gw:value:session-end:");
    await hands.set(tomb, "alive");
    await isLost(session);
    await hands.multi().del(tomb).lpush(tomb, "x").exec();
    await isLost(session);
    await hands.set(record, text);
    const elsewhere = await ping(two.url, session);
    expect(elsewhere.status).toBe(404);
  });

  const ping = (url: string, session: RawSession): Promise<Response> =>
    fetch(`${url}/mcp`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${tokenA}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...session.headers,
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    });
  const blocksOf = ({ instance }: TroubledGateway) =>
    instance.operations.blocks.list().map(({ target }) => target);

  test("blocks that were changed by hand stay in force, and the log says so", async () => {
    const value = "gw:value:blocks";
    const set = await admin(one, "POST", "/blocks", { target: "x/first", why: "Trouble" });
    const old = (await hands.get(value)) ?? "";
    await admin(one, "POST", "/blocks", { target: "x/second", why: "Trouble" });
    await eventually(() => blocksOf(two).length === 2);
    const foreign = await open([otherKey], "other:");
    await admin(foreign, "POST", "/blocks", { target: "x/third", why: "Trouble" });
    const others = (await hands.get("other:value:blocks")) ?? "";
    await foreign.close();
    for (const text of [old, others, "garbage", "x".repeat(2_000_000), ""]) {
      await hands.set(value, text);
      await hands.publish("gw:bus0:blocks", "changed");
      await eventually(async () => ((await hands.get(value)) ?? "") !== text, 8_000);
      const fresh = await open();
      for (const gateway of [one, two, fresh]) {
        expect(blocksOf(gateway).toSorted()).toEqual(["x/first", "x/second"]);
      }
      await fresh.close();
    }
    const said = [...faultsOf(one), ...faultsOf(two)].filter((line) =>
      line.includes("changed by hand"),
    );
    expect(said.length).toBeGreaterThanOrEqual(4);
    // What was taken back does not come back with an older copy.
    expect((await admin(one, "DELETE", `/blocks/${set.id}`)).status).toBe(204);
    await hands.set(value, old);
    await hands.publish("gw:bus0:blocks", "changed");
    await eventually(() => String(blocksOf(two)) === "x/second");
  }, 30_000);

  test("a gateway that starts on blocks of another key does not start, and says why", async () => {
    await admin(one, "POST", "/blocks", { target: "x/first", why: "Trouble" });
    await expect(open([otherKey])).rejects.toThrow(/"blocks".*sealed with a key/);
  });

  test.each(["sessions", "lists", "blocks", "instance"])(
    "texts forged on the bus channel of %s change nothing, in whatever number",
    async (name) => {
      const [relay = ""] = (await hands.call(
        "PUBSUB",
        "CHANNELS",
        "gw:bus0:instance:*",
      )) as string[];
      const channel = name === "instance" ? relay : `gw:bus0:${name}`;
      expect(channel).not.toBe("");
      const session = await openSession(one.url);
      const id = (await keyOf("gw:value:session:")).split(":").at(-1);
      await admin(one, "POST", "/blocks", { target: "x/blocked", why: "Trouble" });
      const texts = [
        "",
        "{",
        "null",
        "[".repeat(100_000),
        "x".repeat(3_000_000),
        '{"v":1,"from":"nobody","session":"nobody","kind":"ended"}',
        `{"v":1,"from":"nobody","session":"${id}","kind":"changed"}`,
        `{"v":1,"from":"nobody","session":"${id}","kind":"answered","message":{"jsonrpc":"2.0","id":"mcp-gw-1","result":{}}}`,
        `{"v":1,"from":"nobody","session":"${id}","kind":"cancelled","id":{"a":[]}}`,
        '{"v":1,"from":"nobody","upstream":"x","list":"tools"}',
        '{"v":1,"from":"nobody","upstream":"__proto__","list":"tools"}',
        "changed",
      ];
      const from = performance.now();
      let lagMs = 0;
      let last = from;
      const timer = setInterval(() => {
        lagMs = Math.max(lagMs, performance.now() - last);
        last = performance.now();
      }, 5);
      const seen = server.all.length;
      for (const text of texts) await hands.publish(channel, text);
      for (let batch = 0; batch < 20; batch++) {
        const flood = hands.pipeline();
        for (let at = 0; at < 500; at++) {
          flood.publish(channel, (texts[at % texts.length] ?? "").slice(0, 2_000));
        }
        await flood.exec();
      }
      const answer = await askOnce(one.url, tokenA);
      expect(answer.status).toBe(200);
      expect(answer.ms).toBeLessThan(1_000);
      await sleep(300);
      clearInterval(timer);
      const ms = performance.now() - from;
      expect(lagMs).toBeLessThan(1_000);
      // A hint to look again is asked for four times a second at most.
      expect(server.all.length - seen).toBeLessThan(10 + (ms / 250) * 8);
      expect((await session.send("tools/list")).status).toBe(200);
      expect(blocksOf(one)).toEqual(["x/blocked"]);
      const faults = faultsOf(one);
      expect(faults.length).toBeLessThan(20);
    },
    30_000,
  );

  test("gateways with other prefixes on one database do not see each other", async () => {
    const other = await open([key], "gw2:");
    expect(await letThrough()).toBe(burst);
    expect((await askOnce(other.url, tokenB)).status).toBe(200);
    const session = await openSession(one.url);
    const borrowed = await ping(other.url, session);
    expect(borrowed.status).toBe(404);
    await admin(one, "POST", "/blocks", { all: true, why: "Trouble" });
    await eventually(() => blocksOf(two).length === 1);
    await hands.publish("gw2:bus0:blocks", "changed");
    await sleep(200);
    expect(blocksOf(other)).toEqual([]);
    expect((await askOnce(other.url, tokenA)).status).toBe(200);
    await other.close();
  });

  test("gateways with other keys refuse each other's sessions, and do not fight for ever", async () => {
    const session = await openSession(one.url);
    await admin(one, "POST", "/blocks", { target: "x/blocked", why: "Trouble" });
    // As long as there are blocks of the first ones, another one does not start; they keep theirs.
    const other = await vi.waitFor(
      async () => {
        await hands.del("gw:value:blocks");
        return open([otherKey]);
      },
      { timeout: 10_000 },
    );
    expect((await ping(other.url, session)).status).toBe(404);
    expect((await ping(two.url, session)).status).toBe(200);
    await admin(other, "POST", "/blocks", { target: "x/other", why: "Trouble" });
    await sleep(1_000);
    const written = async (): Promise<number> =>
      Number(/cmdstat_set:calls=(\d+)/.exec(await hands.info("commandstats"))?.[1] ?? 0);
    const before = await written();
    await sleep(500);
    expect((await written()) - before).toBeLessThan(20);
    for (const gateway of [one, two, other]) expect(faultsOf(gateway).length).toBeLessThan(15);
    expect([blocksOf(one), blocksOf(other)]).toEqual([["x/blocked"], ["x/other"]]);
    await other.close();
  });

  test("a gateway with a newer key first does not fight with one that lacks it", async () => {
    const newer = await open([otherKey, key]);
    await admin(newer, "POST", "/blocks", { target: "x/newer", why: "Trouble" });
    await admin(one, "POST", "/blocks", { target: "x/older", why: "Trouble" });
    await sleep(1_000);
    for (const gateway of [one, two, newer]) expect(faultsOf(gateway).length).toBeLessThan(15);
    expect(blocksOf(newer)).toContain("x/newer");
    await newer.close();
  });
});
