import { afterAll, beforeAll, expect, test } from "vitest";
import { Redis } from "ioredis";
import { sleep } from "../../stores/eventually.ts";
import { openRedisStore } from "../../stores/open.ts";
import { type RedisServer, describeRedis, startRedis } from "../../stores/redis-server.ts";
import { kvSuite } from "./kv.suite.ts";
import { createAsk, createBench } from "./ports.ts";
import { createClock } from "../../../src/runtime/clock.ts";

describeRedis("kv of plugins in Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.close());
  const clock = createClock();
  const open = async (prefix: string) => {
    const { store, now, close } = await openRedisStore(server.url, { prefix });
    return { ports: createBench({ store, clock, sharedNow: now }).ports, close };
  };

  kvSuite("two instances on one Redis", async () => {
    const prefix = `kv${performance.now()}:`;
    const [one, other] = [await open(prefix), await open(prefix)];
    return {
      ports: [one.ports, other.ports],
      wait: sleep,
      close: async () => {
        await one.close();
        await other.close();
      },
    };
  });

  test("every key of a plugin ends", async () => {
    const client = new Redis(server.url);
    const { ports, close } = await open("ends:");
    const ask = createAsk(ports, { kv: "client" });
    await ask("kv.set", "a", 1, { ttlSeconds: 100 });
    await ask("kv.incr", "b");
    await ask("kv.incr", "b");
    await ask("kv.set", "c", 1);
    await ask("kv.delete", "c");
    const keys = await client.keys("ends:*");
    expect(keys.length).toBeGreaterThanOrEqual(3);
    for (const key of keys) expect(await client.pttl(key)).not.toBe(-1);
    await close();
    client.disconnect();
  });

  test("what was changed by hand to what is no value counts as none", async () => {
    const client = new Redis(server.url);
    const { ports, close } = await open("hand:");
    const ask = createAsk(ports, { kv: "client" });
    await ask("kv.set", "a", 1);
    for (const key of await client.keys("hand:*")) {
      await client.del(key);
      await client.rpush(key, "x");
    }
    expect(await ask("kv.get", "a")).toBeNull();
    expect(await ask("kv.incr", "a")).toBe(1);
    await close();
    client.disconnect();
  });
});
