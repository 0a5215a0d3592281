import { Redis } from "ioredis";
import { createServer } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StoreLost } from "../../src/core/index.ts";
import { eventually, sleep } from "./eventually.ts";
import { type OpenedStore, openRedisStore } from "./open.ts";
import { type RedisServer, describeRedis, freePort, startRedis } from "./redis-server.ts";

const slow = (key: string, capacity: number) => ({ key, capacity, perSecond: 0.01 });

/** What it rejected with, and how long that took. */
async function lossOf(work: Promise<unknown>): Promise<{ loss: StoreLost; ms: number }> {
  const start = performance.now();
  const found = await work.then(
    () => "nothing",
    (error: unknown) => error,
  );
  if (!(found instanceof StoreLost)) throw new Error(`Not a loss: ${String(found)}`);
  return { loss: found, ms: performance.now() - start };
}
const isUp = (under: OpenedStore) => () => under.state() === "up";
const isLost = (under: OpenedStore) => () => under.state() === "lost";

describeRedis("A Redis that is lost", () => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await startRedis();
  });
  afterEach(() => server.close());

  test("A store that is killed under load refuses at once, and is back within 2 s", async () => {
    const under = await openRedisStore(server.url);
    const { store, lines, states, timers, close } = under;
    const over = new AbortController();
    const outcomes = new Set<string>();
    const load = Array.from({ length: 20 }, async () => {
      while (!over.signal.aborted) {
        const outcome = await store.take([{ key: "load", capacity: 9, perSecond: 1000 }]).then(
          ({ ok }) => (ok ? "taken" : "refused"),
          (error: unknown) => (error instanceof StoreLost ? error.reason : String(error)),
        );
        outcomes.add(outcome);
        await sleep(2);
      }
    });
    await sleep(50);
    await server.kill();
    await eventually(isLost(under), 1000);
    const { loss, ms } = await lossOf(store.get("k"));
    expect(loss.reason).toBe("unreachable");
    expect(ms).toBeLessThan(50);
    await sleep(700);
    await server.start();
    expect(await eventually(isUp(under))).toBeLessThan(2000);
    expect(await store.take([slow("k", 1)])).toMatchObject({ ok: true });
    over.abort();
    await Promise.all(load);
    expect(
      [...outcomes].filter((one) => !["taken", "refused", "unreachable"].includes(one)),
    ).toEqual([]);
    expect(states).toEqual(["lost", "up"]);
    expect(lines.some((line) => /^warn: .*nothing listens there \(ECONNREFUSED\)/.test(line))).toBe(
      true,
    );
    expect(lines.filter((line) => /^info: The store is back .*lostMs/.test(line))).toHaveLength(1);
    await close();
    expect(timers()).toBe(0);
  });

  test("A loss of data gives one more burst and no more", async () => {
    const under = await openRedisStore(server.url);
    const takeAll = async (): Promise<number> => {
      const all = Array.from({ length: 50 }, () => under.store.take([slow("k", 20)]));
      return (await Promise.all(all)).filter(({ ok }) => ok).length;
    };
    expect(await takeAll()).toBe(20);
    await server.kill();
    await eventually(isLost(under));
    await server.start();
    await eventually(isUp(under));
    expect([await takeAll(), await takeAll()]).toEqual([20, 0]);
    await under.close();
  });

  test("A store that stops refuses after its deadline, then at once, and is back within 2 s", async () => {
    const under = await openRedisStore(server.url, { deadlineMs: 300 });
    const { store } = under;
    server.signal("SIGSTOP");
    const all = await Promise.all([1, 2, 3].map(() => lossOf(store.take([slow("k", 20)]))));
    for (const { ms } of all) expect(ms).toBeLessThan(500);
    expect(all[0]?.loss.reason).toBe("timeout");
    const { ms } = await lossOf(store.take([slow("k", 20)]));
    expect(ms).toBeLessThan(50);
    await sleep(500);
    server.signal("SIGCONT");
    expect(await eventually(isUp(under))).toBeLessThan(2000);
    // What was on its way counts, what came later never left.
    const { remaining } = await store.take([slow("k", 20)]);
    expect(remaining).toBeGreaterThanOrEqual(16);
    await under.close();
    expect(under.timers()).toBe(0);
  });

  test("A store that stops is noticed though nobody asks it", async () => {
    const under = await openRedisStore(server.url, { deadlineMs: 200 });
    server.signal("SIGSTOP");
    expect(await eventually(isLost(under))).toBeLessThan(2000);
    server.signal("SIGCONT");
    await eventually(isUp(under));
    await under.close();
  });

  test("No more than 10,000 calls wait for a store that stopped", async () => {
    const under = await openRedisStore(server.url, { deadlineMs: 500 });
    server.signal("SIGSTOP");
    const all = await Promise.all(
      Array.from({ length: 10_100 }, () => lossOf(under.store.get("k"))),
    );
    const beyond = all.filter(({ loss }) => loss.message.includes("calls wait"));
    expect(beyond).toHaveLength(100);
    for (const { ms } of beyond) expect(ms).toBeLessThan(400);
    await under.close();
  });

  test("A store whose memory is full refuses until there is room", async () => {
    const client = new Redis(server.url);
    const under = await openRedisStore(server.url);
    await client.config("SET", "maxmemory", "1");
    const { loss } = await lossOf(under.store.take([slow("k", 1)]));
    expect(loss.message).toContain("its memory is full");
    await lossOf(under.store.set("k", "v", 1000));
    expect(under.state()).toBe("lost");
    await client.config("SET", "maxmemory", "0");
    expect(await eventually(isUp(under))).toBeLessThan(2000);
    expect(await under.store.take([slow("k", 1)])).toMatchObject({ ok: true });
    client.disconnect();
    await under.close();
  });

  test("A store that became a replica refuses until it is none", async () => {
    const client = new Redis(server.url);
    const under = await openRedisStore(server.url);
    await client.replicaof("127.0.0.1", await freePort());
    const { loss } = await lossOf(under.store.take([slow("k", 1)]));
    expect(loss.message).toContain("it is a read-only replica");
    await client.config("SET", "replica-serve-stale-data", "no");
    await eventually(() => under.lines.some((line) => line.includes("has lost its master")));
    await client.replicaof("NO", "ONE");
    expect(await eventually(isUp(under))).toBeLessThan(2000);
    expect(await under.store.take([slow("k", 1)])).toMatchObject({ ok: true });
    client.disconnect();
    await under.close();
  });

  test("A store that is loading is waited for", async () => {
    const client = new Redis(server.url);
    const slowly = ["key-load-delay", "500", "loading-process-events-interval-bytes", "1024"];
    const names = Array.from({ length: 2000 }, (_, i) => [`key${i}`, "x".repeat(50)]).flat();
    await client.mset(...names);
    await client.save();
    client.disconnect();
    await server.kill();
    await server.start(slowly.map((each, i) => (i % 2 === 0 ? `--${each}` : each)));
    const under = await openRedisStore(server.url);
    const { loss } = await lossOf(under.store.get("k"));
    expect(loss.message).toContain("it is still loading its data");
    await eventually(isUp(under));
    await under.close();
  });

  test("A bus listens again after a loss, also to what was asked for meanwhile", async () => {
    const under = await openRedisStore(server.url);
    const heard: string[] = [];
    await under.bus.subscribe("before", (text) => heard.push(text));
    await server.kill();
    await eventually(isLost(under));
    await under.bus.subscribe("meanwhile", (text) => heard.push(text));
    const end = await under.bus.subscribe("ended", (text) => heard.push(text));
    end();
    await lossOf(under.bus.publish("before", "lost"));
    await server.start();
    await eventually(isUp(under));
    for (const channel of ["ended", "before", "meanwhile"]) {
      await under.bus.publish(channel, channel);
    }
    await eventually(() => heard.length >= 2);
    expect(heard).toEqual(["before", "meanwhile"]);
    await under.close();
  });

  test("Instances that lost their store dial seldom, however many calls come", async () => {
    const under = await openRedisStore(server.url);
    await server.kill();
    let dials = 0;
    const refusing = createServer((socket) => {
      dials++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => refusing.listen(server.port, "127.0.0.1", resolve));
    const until = performance.now() + 1500;
    while (performance.now() < until) {
      await Promise.all(Array.from({ length: 100 }, () => lossOf(under.store.get("k"))));
      await sleep(5);
    }
    expect(dials).toBeGreaterThan(2);
    expect(dials).toBeLessThan(25);
    await new Promise((resolve) => refusing.close(resolve));
    await under.close();
    expect(under.timers()).toBe(0);
  });

  test("A store that is closed leaves no timer and no connection, and takes nothing", async () => {
    const client = new Redis(server.url);
    const connections = async (): Promise<number> =>
      String(await client.client("LIST"))
        .trim()
        .split("\n").length;
    const before = await connections();
    const under = await openRedisStore(server.url);
    const pending = [under.store.get("k"), under.store.take([slow("k", 1)])].map((work) =>
      work.catch((error: unknown) => error),
    );
    await under.close();
    await under.close();
    await Promise.all(pending);
    expect(under.timers()).toBe(0);
    await eventually(async () => (await connections()) === before);
    expect((await lossOf(under.store.get("k"))).loss.reason).toBe("closed");
    expect((await lossOf(under.bus.publish("c", "x"))).loss.reason).toBe("closed");
    expect(under.states).toEqual([]);
    client.disconnect();
  });

  test("A store that is closed while it is lost leaves no timer", async () => {
    const under = await openRedisStore(server.url);
    await server.kill();
    await eventually(isLost(under));
    await under.close();
    expect(under.timers()).toBe(0);
    await server.start();
    await sleep(300);
    expect([under.state(), under.timers()]).toEqual(["lost", 0]);
  });
});
