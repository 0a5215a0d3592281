import { afterEach, beforeEach, expect, test } from "vitest";
import { StoreLost } from "../../src/core/index.ts";
import { eventually } from "./eventually.ts";
import { type OpenedStore, openRedisStore } from "./open.ts";
import { type RedisServer, describeRedis, startRedis } from "./redis-server.ts";

const slow = (key: string, capacity: number) => ({ key, capacity, perSecond: 0.01 });

describeRedis("A Redis that is lost, with onLost local", () => {
  let server: RedisServer;
  let under: OpenedStore;
  beforeEach(async () => {
    server = await startRedis();
    under = await openRedisStore(server.url, { onLost: "local", localShare: 0.5, deadlineMs: 200 });
  });
  afterEach(async () => {
    await under.close();
    await server.close();
  });
  const lose = async (): Promise<void> => {
    await server.kill();
    await eventually(() => under.state() === "lost");
  };
  const comeBack = async (): Promise<void> => {
    await server.start();
    await eventually(() => under.state() === "up");
  };
  const takeAll = async (capacity: number): Promise<number> => {
    const all = Array.from({ length: 50 }, () =>
      under.store.take([slow(`k${capacity}`, capacity)]),
    );
    return (await Promise.all(all)).filter(({ ok }) => ok).length;
  };

  test("A bucket goes on with its share, and with one token at least", async () => {
    await lose();
    expect([await takeAll(20), await takeAll(3), await takeAll(1)]).toEqual([10, 1, 1]);
  });

  test("A bucket refills at its share", async () => {
    await lose();
    const one = { key: "k", capacity: 1, perSecond: 1 };
    await under.store.take([one]);
    const { ok, retryAfterMs } = await under.store.take([one]);
    expect(ok).toBe(false);
    expect(retryAfterMs).toBeGreaterThan(1900);
  });

  test("A store that comes and goes gives no local burst each time", async () => {
    await lose();
    expect(await takeAll(20)).toBe(10);
    await comeBack();
    await lose();
    expect(await takeAll(20)).toBe(0);
  });

  test("A store that stops goes on locally within its deadline", async () => {
    server.signal("SIGSTOP");
    const start = performance.now();
    expect(await takeAll(20)).toBe(10);
    expect(performance.now() - start).toBeLessThan(600);
    server.signal("SIGCONT");
  });

  test("Values are kept until the store is back, and nothing else is said to be absent", async () => {
    await under.store.set("k", "shared", 60_000);
    await lose();
    await expect(under.store.get("k")).rejects.toThrow(StoreLost);
    await expect(under.store.replace("k", undefined, "x", 60_000)).rejects.toThrow(StoreLost);
    await under.store.set("k", "local", 60_000);
    expect(await under.store.replace("k", "local", "newer", 60_000)).toBe(true);
    expect(await under.store.get("k")).toBe("newer");
    await comeBack();
    expect(await under.store.get("k")).toBeUndefined();
    await lose();
    await expect(under.store.get("k")).rejects.toThrow(StoreLost);
    await under.store.set("k", "x", 60_000);
    await under.store.delete("k");
    await expect(under.store.get("k")).rejects.toThrow(StoreLost);
  });

  test("A mark that may be set once is refused, for others cannot see it", async () => {
    await lose();
    await expect(under.store.setOnce("used", "x", 60_000)).rejects.toThrow(StoreLost);
  });

  test("The bus brings texts to the instance itself", async () => {
    const heard: string[] = [];
    await under.bus.subscribe("c", (text) => heard.push(text));
    await lose();
    const end = await under.bus.subscribe("c", (text) => heard.push(`late ${text}`));
    // One of two connections may notice the loss later: what it was given then is refused.
    const sent = (): Promise<boolean> =>
      under.bus.publish("c", "local").then(
        () => true,
        () => false,
      );
    await eventually(sent);
    expect(heard).toEqual(["local", "late local"]);
    end();
    await comeBack();
    await under.bus.publish("c", "shared");
    await eventually(() => heard.length > 2);
    expect(heard).toEqual(["local", "late local", "shared"]);
  });

  test("A value that is too large is refused as ever", async () => {
    await lose();
    const large = "x".repeat(1024 * 1024 + 1);
    await expect(under.store.set("k", large, 60_000)).rejects.toThrow(RangeError);
    await expect(under.bus.publish("c", large)).rejects.toThrow(RangeError);
  });

  test("A store that is closed does not go on locally", async () => {
    await under.close();
    await expect(under.store.take([slow("k", 1)])).rejects.toThrow("closed");
  });
});
