import { afterAll, beforeAll } from "vitest";
import { busSuite } from "./bus-suite.ts";
import { sleep } from "./eventually.ts";
import { openRedisStore } from "./open.ts";
import { type RedisServer, describeRedis, startRedis } from "./redis-server.ts";
import { storeSuite } from "./suite.ts";

describeRedis("Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.close());

  storeSuite("The Redis store", async () => {
    const { store, close } = await openRedisStore(server.url);
    return { store: { ...store, close }, wait: sleep };
  });

  busSuite("The Redis bus", async () => {
    const prefix = `bus${performance.now()}:`;
    const [one, other] = await Promise.all([
      openRedisStore(server.url, { prefix }),
      openRedisStore(server.url, { prefix }),
    ]);
    return {
      buses: [one.bus, other.bus],
      close: async () => {
        await Promise.all([one.close(), other.close()]);
      },
    };
  });
});
