import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StoreLost } from "../../src/core/index.ts";
import { type Blocks, openBlocks } from "../../src/policy/index.ts";
import { eventually } from "../stores/eventually.ts";
import { type OpenedStore, openRedisStore, silentLog } from "../stores/open.ts";
import { crypto } from "../stores/ports.ts";
import { type RedisServer, describeRedis, startRedis } from "../stores/redis-server.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { ann, seals, targets, tool, wish } from "./block-rig.ts";

const prefix = "b:";

interface Instance {
  readonly blocks: Blocks;
  readonly under: OpenedStore;
}

describeRedis("Blocks on a real Redis", () => {
  let server: RedisServer;
  let instances: Instance[];
  beforeEach(async () => {
    server = await startRedis();
    instances = [];
  });
  afterEach(async () => {
    for (const { blocks, under } of instances) {
      await blocks.close();
      await under.close();
    }
    await server.close();
  });
  async function open(onLost: "refuse" | "local" = "refuse"): Promise<Instance> {
    let own: Blocks | undefined;
    const under = await openRedisStore(
      server.url,
      { prefix, onLost, localShare: 1, deadlineMs: 300 },
      (state) => void (state === "up" && own?.reread()),
    );
    const { store, bus } = under;
    own = await openBlocks({
      ports: { clock: createClock(), log: silentLog, crypto },
      shared: { store, bus, seals, onLost },
    });
    const instance = { blocks: own, under };
    instances.push(instance);
    return instance;
  }
  const isEverywhere = (wanted: readonly string[]) => (): boolean =>
    instances.every(({ blocks }) => String(targets(blocks).toSorted()) === String(wanted));

  test("A block takes effect on three instances within a second, and its end too", async () => {
    const [first] = [await open(), await open("local"), await open()];
    const { id } = await first.blocks.add({ ...wish, target: "github/push" });
    expect(await eventually(isEverywhere(["github/push"]))).toBeLessThan(1_000);
    for (const { blocks } of instances) expect(blocks.find(ann, tool("push"))?.id).toBe(id);
    await first.blocks.remove(id);
    expect(await eventually(isEverywhere([]))).toBeLessThan(1_000);
  });

  test("A Redis that comes back without its data is given all blocks again", async () => {
    for (const onLost of ["refuse", "local"] as const) {
      const { blocks } = await open(onLost);
      await blocks.add({ ...wish, target: `github/${onLost}` });
    }
    const all = ["github/local", "github/refuse"];
    await eventually(isEverywhere(all));
    await server.kill();
    await eventually(() => instances.every(({ under }) => under.state() === "lost"));
    for (const { blocks } of instances) await expect(blocks.add(wish)).rejects.toThrow(StoreLost);
    expect(isEverywhere(all)()).toBe(true);
    await server.start();
    await eventually(() => instances.every(({ under }) => under.state() === "up"));
    await eventually(async () => targets((await open()).blocks).length === 2);
    await eventually(isEverywhere(all));
  });

  test("A process that starts without Redis goes on only where that was asked for", async () => {
    await (await open()).blocks.add({ ...wish, target: "github/push" });
    await server.kill();
    const [refusing, local] = [await open(), await open("local")];
    expect(refusing.blocks.find(ann)).toBeDefined();
    expect(local.blocks.find(ann)).toBeUndefined();
    await expect(local.blocks.remove("none")).rejects.toThrow(StoreLost);
    await server.start();
    await eventually(isEverywhere(["github/push"]));
  });

  test("What was made of the value by hand is put right again", async () => {
    const { blocks } = await open();
    await blocks.add({ ...wish, target: "github/push" });
    const client = new Redis(server.url);
    const key = `${prefix}value:blocks`;
    expect(await client.pttl(key)).toBeGreaterThan(9 * 365 * 24 * 60 * 60_000);
    const sealed = (await client.get(key)) ?? "";
    expect(sealed).not.toContain("push");
    const changes = [
      () => client.set(key, sealed.slice(0, -1)),
      () => client.set(key, "x".repeat(3_000_000)),
      () => client.del(key),
      () => client.multi().del(key).lpush(key, "x").exec(),
    ];
    for (const change of changes) {
      await change();
      await blocks.reread();
      expect(targets((await open()).blocks)).toEqual(["github/push"]);
    }
    client.disconnect();
  });
});
