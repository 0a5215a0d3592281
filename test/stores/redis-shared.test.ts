import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRedisStore } from "./open.ts";
import { eventually } from "./eventually.ts";
import { type RedisServer, describeRedis, startRedis } from "./redis-server.ts";

describeRedis("The Redis store among others", () => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
  });
  afterAll(async () => {
    client.disconnect();
    await server.close();
  });
  const slow = (key: string, capacity: number) => ({ key, capacity, perSecond: 0.01 });

  test("Of 200 takes at once by three instances exactly the burst of 20 passes", async () => {
    const all = await Promise.all(
      [1, 2, 3].map(() => openRedisStore(server.url, { prefix: "p:" })),
    );
    const taken = await Promise.all(
      Array.from({ length: 200 }, (_, i) => all[i % 3]?.store.take([slow("k", 20), slow("l", 99)])),
    );
    expect(taken.filter((each) => each?.ok)).toHaveLength(20);
    expect(await all[0]?.store.take([slow("l", 99)])).toMatchObject({ remaining: 99 - 20 - 1 });
    await Promise.all(all.map(({ close }) => close()));
  });

  test("Of marks that three instances set at once exactly one is set", async () => {
    const all = await Promise.all(
      [1, 2, 3].map(() => openRedisStore(server.url, { prefix: "m:" })),
    );
    const set = await Promise.all(all.map(({ store }) => store.setOnce("used", "x", 60_000)));
    expect(set.filter(Boolean)).toHaveLength(1);
    await Promise.all(all.map(({ close }) => close()));
  });

  test("Prefixes and databases keep gateways apart, on the bus as well", async () => {
    const prefix = "same:";
    const all = await Promise.all([
      openRedisStore(server.url, { prefix }),
      openRedisStore(`${server.url}/1`, { prefix }),
      openRedisStore(server.url, { prefix: "other:" }),
    ]);
    const heard: string[] = [];
    for (const [i, { store, bus }] of all.entries()) {
      await store.set("k", `${i}`, 60_000);
      await bus.subscribe("c", (text) => heard.push(`${i} heard ${text}`));
    }
    const values = await Promise.all(all.map(({ store }) => store.get("k")));
    expect(values).toEqual(["0", "1", "2"]);
    for (const [i, { bus }] of all.entries()) await bus.publish("c", `${i}`);
    await eventually(() => heard.length >= 3);
    expect([...heard].sort()).toEqual(["0 heard 0", "1 heard 1", "2 heard 2"]);
    await Promise.all(all.map(({ close }) => close()));
  });

  test("Each key of the store has an end, and a bucket's is when it is full", async () => {
    const { store, close } = await openRedisStore(server.url, { prefix: "ttl:" });
    await store.take([{ key: "b", capacity: 5, perSecond: 0.5 }]);
    await store.set("s", "x", 5000);
    await store.setOnce("o", "x", 5000.4);
    await store.replace("r", undefined, "x", 0);
    const ttl = async (key: string): Promise<number> => client.pttl(`ttl:${key}`);
    expect(await ttl("bucket:b")).toBeGreaterThan(1500);
    expect(await ttl("bucket:b")).toBeLessThanOrEqual(2001);
    expect(await ttl("value:s")).toBeGreaterThan(4000);
    expect(await ttl("value:o")).toBeGreaterThan(4000);
    await eventually(async () => (await client.exists("ttl:value:r")) === 0);
    expect((await client.keys("ttl:*")).length).toBeLessThanOrEqual(5);
    await close();
  });

  test("Scripts that were flushed are there again", async () => {
    const { store, close, states } = await openRedisStore(server.url);
    await client.script("FLUSH");
    expect(await store.take([slow("k", 2)])).toMatchObject({ ok: true, remaining: 1 });
    await client.script("FLUSH");
    expect(await store.replace("v", undefined, "x", 60_000)).toBe(true);
    await client.script("FLUSH");
    expect(await store.get("v")).toBe("x");
    expect(states).toEqual([]);
    await close();
  });

  test.each([
    ["words", "full please"],
    ["nothing", ""],
    ["a negative", "-5000000 1"],
    ["a fraction", "5000000.5 1"],
    ["a power", "1e300 1"],
    ["an infinity", "inf 1"],
    ["one number", "5000000"],
    ["three numbers", "5000000 1 1"],
    ["a long text", "9".repeat(2_000_000)],
    ["a time to come without an end", "5000000 9000000000000000"],
    ["a line more", "5000000 1\n"],
  ])("A bucket that was changed by hand to %s is empty and fills again", async (_, text) => {
    const { store, close } = await openRedisStore(server.url, { prefix: "hand:" });
    const bucket = { key: "k", capacity: 5, perSecond: 20 };
    await client.set("hand:bucket:k", text);
    const refused = await store.take([{ ...bucket, key: "sound" }, bucket]);
    expect(refused).toMatchObject({ ok: false, remaining: 0, key: "k" });
    expect(await client.get("hand:bucket:k")).toMatch(/^0 \d+$/);
    expect(await client.pttl("hand:bucket:k")).toBeGreaterThan(0);
    // The sound one was not drained beside it.
    expect(await client.exists("hand:bucket:sound")).toBe(0);
    await eventually(async () => (await store.take([bucket])).ok);
    await client.flushall();
    await close();
  });

  test.each([
    ["a list", () => client.rpush("hand:bucket:k", "x")],
    ["a hash", () => client.hset("hand:bucket:k", "x", "y")],
  ])("A bucket that was changed by hand to %s is empty and fills again", async (_, change) => {
    const { store, close } = await openRedisStore(server.url, { prefix: "hand:" });
    await change();
    expect((await store.take([slow("k", 5)])).ok).toBe(false);
    expect(await client.get("hand:bucket:k")).toMatch(/^0 \d+$/);
    await client.flushall();
    await close();
  });

  test.each([
    ["more tokens than it holds", "999999999999999999 1"],
    ["more digits than a number has", `${"9".repeat(30)} 1`],
  ])("A bucket that was changed by hand to %s gives no more than its burst", async (_, text) => {
    const { store, close } = await openRedisStore(server.url, { prefix: "hand:" });
    await client.set("hand:bucket:k", text);
    const taken = [];
    for (let i = 0; i < 9; i++) taken.push((await store.take([slow("k", 3)])).ok);
    expect(taken.filter(Boolean)).toHaveLength(3);
    await client.flushall();
    await close();
  });

  test("A value that was changed by hand to what is none is refused, not taken for nothing", async () => {
    const { store, close, states } = await openRedisStore(server.url, { prefix: "hand:" });
    await client.rpush("hand:value:list", "x");
    await client.set("hand:value:large", "x".repeat(1024 * 1024 + 1));
    for (const key of ["list", "large"]) {
      await expect(store.get(key)).rejects.toThrow("no value that a gateway wrote");
      expect(await store.setOnce(key, "x", 60_000)).toBe(false);
      expect(await store.replace(key, undefined, "x", 60_000)).toBe(false);
      expect(await store.replace(key, "x", "y", 60_000)).toBe(false);
      await store.set(key, "mended", 60_000);
      expect(await store.get(key)).toBe("mended");
    }
    await client.set("hand:value:bytes", Buffer.from([0xff, 0x00, 0x0d, 0x0a]));
    expect(await store.get("bytes")).toBe("\ufffd\0\r\n");
    expect(states).toEqual([]);
    await client.flushall();
    await close();
  });

  test("A text on the bus that is too large is dropped", async () => {
    const { bus, close, lines } = await openRedisStore(server.url, { prefix: "bus:" });
    const heard: number[] = [];
    await bus.subscribe("c", (text) => heard.push(text.length));
    await client.publish("bus:bus0:c", "x".repeat(1024 * 1024 + 1));
    await client.publish("bus:bus0:c", "x");
    await eventually(() => heard.length > 0);
    expect(heard).toEqual([1]);
    expect(lines.join()).toContain("too large");
    await close();
  });
});
