/** A store in trouble while gateways are under load: each loss as it was configured, and its end. */
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Secret } from "../../src/core/index.ts";
import { eventually, sleep } from "../stores/eventually.ts";
import {
  type RedisServer,
  describeRedisOnNode,
  freePort,
  startRedis,
} from "../stores/redis-server.ts";
import { type Road, openRoad } from "../stores/road.ts";
import { type EchoServer, anyTool, startEchoServer } from "./echo-server.ts";
import { type EventStream, openEvents, openSession } from "./events.ts";
import { allowAll, modernRequest, post } from "./gateway.ts";
import {
  type Load,
  type Sample,
  type TroubledGateway,
  admin,
  adminToken,
  isUp,
  load,
  openTroubled,
} from "./trouble-rig.ts";

interface Trouble {
  readonly name: string;
  /** The store is known to be gone. */
  readonly isLoss: boolean;
  /** What it held is gone. */
  readonly losesData: boolean;
  readonly lastsMs: number;
  readonly begin: () => Promise<unknown>;
  readonly end: () => Promise<unknown>;
}

/** Of the clock that only grows. */
interface Times {
  readonly begunAt: number;
  readonly from: number;
  readonly noticedAt: number;
  readonly endedAt: number;
}

const keys = [new Secret("a-key-of-gateways-in-trouble-of-thirty-two-bytes")];
const modes = ["refuse", "local"] as const;
const burst = 20;
const perSecond = 2;
const localShare = 0.25;
/** To the two gateways of each mode together. */
const callsPerSecond = 60;
/** Of a machine that is busy with other things. */
const patienceMs = 15_000;
const plenty = { burst: 1_000_000, perSecond: 1_000_000 };
/** A second for the store, and a little for the way. */
const longestMs = 1_200;

describeRedisOnNode("gateways whose store is in trouble", () => {
  let redis: RedisServer;
  let road: Road;
  let hands: Redis;
  let server: EchoServer;
  let tools = ["echo", "slow", "blocked"];
  /** Slow calls that have reached their upstream. */
  let slowBegun = 0;
  const pairs = { refuse: [] as TroubledGateway[], local: [] as TroubledGateway[] };
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);

  const troubles: readonly Trouble[] = [
    {
      name: "killed, and started again without its data",
      isLoss: true,
      losesData: true,
      lastsMs: 1_000,
      begin: () => redis.kill(),
      end: () => redis.start(),
    },
    {
      name: "stopped for three seconds",
      isLoss: true,
      losesData: false,
      lastsMs: 3_000,
      begin: async () => redis.signal("SIGSTOP"),
      end: async () => redis.signal("SIGCONT"),
    },
    {
      name: "full",
      isLoss: true,
      losesData: false,
      lastsMs: 1_000,
      begin: fill,
      end: () => Promise.all([hands.config("SET", "maxmemory", "0"), hands.del("filler")]),
    },
    {
      name: "read-only",
      isLoss: true,
      losesData: false,
      lastsMs: 1_000,
      begin: async () => hands.replicaof("127.0.0.1", await freePort()),
      end: () => hands.replicaof("NO", "ONE"),
    },
    {
      name: "out of reach",
      isLoss: true,
      losesData: false,
      lastsMs: 1_000,
      begin: () => road.refuse(),
      end: () => road.listen(),
    },
    {
      name: "emptied",
      isLoss: false,
      losesData: true,
      lastsMs: 500,
      begin: () => hands.flushall(),
      end: async () => undefined,
    },
    {
      name: "half a second away",
      isLoss: false,
      losesData: false,
      lastsMs: 2_000,
      begin: async () => void (road.delayMs = 500),
      end: async () => void (road.delayMs = 0),
    },
  ];
  const tokenOf = (name: string): string => `token-of-the-trouble-${name}`.padEnd(40, "-");
  /** A client of its own for each trouble, so that each begins with a full bucket. */
  const clients = Object.fromEntries(
    [...troubles.keys()].map((index) => [
      `t${index}`,
      {
        auth: { token: new Secret(tokenOf(`t${index}`)) },
        allow: allowAll,
        rate: { burst, perSecond },
        maxConcurrent: 1_000,
      },
    ]),
  );

  /** A few bytes more than there are. */
  async function fill(): Promise<void> {
    const used = /used_memory:(\d+)/.exec(await hands.info("memory"))?.[1];
    await hands.config("SET", "maxmemory-policy", "noeviction");
    await hands.config("SET", "maxmemory", String(Number(used) + 1_000_000));
    for (let isFull = false; !isFull;) {
      isFull = await hands.append("filler", "x".repeat(50_000)).then(
        () => false,
        () => true,
      );
    }
    // The buffer of the text that did not fit is free again.
    await hands.config("SET", "maxmemory", String(Number(used)));
  }

  const open = (onLost: "refuse" | "local"): Promise<TroubledGateway> =>
    openTroubled({
      keys,
      admin: {
        users: { ops: { auth: { token: new Secret(adminToken) }, can: ["read", "operate"] } },
      },
      store: {
        redis: `redis://127.0.0.1:${road.port}`,
        prefix: `${onLost}:`,
        onLost,
        localShare,
      },
      upstreams: { x: { url: server.url } },
      clients: {
        ...clients,
        s: { auth: { token: new Secret(tokenOf("s")) }, allow: allowAll, rate: plenty },
      },
    });

  beforeAll(async () => {
    process.on("unhandledRejection", note);
    redis = await startRedis();
    road = await openRoad(redis.port);
    hands = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
    hands.on("error", () => undefined);
    server = await startEchoServer({
      tools: () => tools.map(anyTool),
      raw: (id, response, { body }) => {
        const isSlow = body.includes('"slow"');
        if (isSlow) slowBegun++;
        const waitMs = isSlow ? 1_200 : 0;
        setTimeout(() => {
          response.writeHead(200, { "content-type": "application/json" });
          response.end(
            `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"resultType":"complete"}}`,
          );
        }, waitMs);
      },
    });
    for (const mode of modes) pairs[mode].push(await open(mode), await open(mode));
  });
  afterAll(async () => {
    await Promise.all(Object.values(pairs).flatMap((pair) => pair.map(({ close }) => close())));
    hands.disconnect();
    await road.close();
    await server.close();
    await redis.close();
    process.off("unhandledRejection", note);
  });

  // Of a test that failed in the middle.
  let mend: Trouble["end"] | undefined;
  const running: Load[] = [];
  afterEach(async () => {
    await mend?.();
    mend = undefined;
    await Promise.all(running.splice(0).map(({ stop }) => stop()));
    await eventually(() => all().every(isUp), patienceMs);
    for (const each of all()) {
      for (const { id } of each.instance.operations.blocks.list()) {
        await each.instance.operations.blocks.remove(id).catch(() => undefined);
      }
    }
  });
  const all = (): readonly TroubledGateway[] => [...pairs.refuse, ...pairs.local];
  const call = (url: string, name: string, token = tokenOf("s")) =>
    post(`${url}/mcp`, modernRequest("tools/call", { name: `x__${name}`, arguments: {} }), token);
  const subscribe = async (url: string): Promise<EventStream> => {
    const request = modernRequest("subscriptions/listen", {
      notifications: { toolsListChanged: true },
    });
    const stream = await openEvents(`${url}/mcp`, { method: "POST", ...request }, tokenOf("s"));
    await stream.next();
    return stream;
  };

  const isAllowed = ({ status }: Sample): boolean => status === 200;
  const isUnavailable = ({ status, code }: Sample): boolean =>
    status === 503 && code === "STORE_UNAVAILABLE";
  const isOver = ({ status, code }: Sample): boolean => status === 429 && code === "RATE_EXCEEDED";

  /** What was answered: nothing strange, nothing late, and no more than the config allows. */
  async function expectBounded(
    { isLoss, losesData }: Trouble,
    mode: (typeof modes)[number],
    { stop, lagMs, mostWaiting }: Load,
    { begunAt, from, noticedAt, endedAt }: Times,
  ): Promise<void> {
    const samples = await stop();
    const refilled = perSecond * ((performance.now() - begunAt) / 1_000);
    const strange = samples.filter(
      (each) => !isAllowed(each) && !isOver(each) && !isUnavailable(each),
    );
    expect(strange).toEqual([]);
    expect(Math.max(...samples.map(({ ms }) => ms))).toBeLessThan(longestMs + lagMs());
    // Of a second, and of what the lag adds.
    expect(mostWaiting()).toBeLessThan(1.2 * callsPerSecond * (1 + lagMs() / 1_000));
    const goesOn = isLoss && mode === "local";
    // Of two gateways, to a whole token each.
    const local = goesOn ? 2 * (localShare * (burst + refilled) + 1) : 0;
    const shared = (losesData ? 2 : 1) * burst + refilled + 1;
    const allowed = samples.filter(isAllowed);
    expect(allowed.length).toBeLessThanOrEqual(shared + local);
    expect(allowed.length).toBeGreaterThanOrEqual(burst);
    if (!isLoss) return;
    const during = samples.filter(({ at, ms }) => at > from && at + ms < endedAt);
    const known = during.filter(({ at }) => at > noticedAt);
    if (mode === "refuse") {
      expect(during.filter(isAllowed)).toEqual([]);
      expect(known.every(isUnavailable)).toBe(true);
    } else {
      expect(during.filter(isAllowed).length).toBeGreaterThanOrEqual(1);
      expect(during.filter(isAllowed).length).toBeLessThanOrEqual(local);
      expect(known.filter(isUnavailable)).toEqual([]);
    }
  }

  test.each(troubles)(
    "a store that is $name",
    async (trouble) => {
      const index = troubles.indexOf(trouble);
      const { isLoss, losesData } = trouble;
      mend = trouble.end;
      const begunAt = performance.now();
      await eventually(() => all().every(isUp), patienceMs);
      const timersBefore = all().map(({ timers }) => timers());
      const set = await Promise.all(
        modes.map((mode) =>
          admin(pairs[mode][0]!, "POST", "/blocks", { target: "x/blocked", why: "Trouble" }),
        ),
      );
      const sessions = await Promise.all(
        modes.map((mode) => openSession(pairs[mode][0]!.url, { token: tokenOf("s") })),
      );
      const ownStreams = await Promise.all(sessions.map((session) => session.listen()));
      const subscriptions = await Promise.all(modes.map((mode) => subscribe(pairs[mode][1]!.url)));
      const isBlocked = async (): Promise<void> => {
        for (const gateway of all()) {
          const found = gateway.instance.operations.blocks.list();
          expect(found.map(({ target }) => target)).toEqual(["x/blocked"]);
        }
      };
      const hasBlocks = (count: number) => (): boolean =>
        all().every(({ instance }) => instance.operations.blocks.list().length === count);
      await eventually(hasBlocks(1), patienceMs);

      const loads: Record<(typeof modes)[number], Load> = {
        refuse: load(
          pairs.refuse.map(({ url }) => url),
          tokenOf(`t${index}`),
          callsPerSecond,
        ),
        local: load(
          pairs.local.map(({ url }) => url),
          tokenOf(`t${index}`),
          callsPerSecond,
        ),
      };
      running.push(loads.refuse, loads.local);
      await sleep(400);
      const begunBefore = slowBegun;
      const slow = modes.map((mode) => call(pairs[mode][0]!.url, "slow"));
      await eventually(() => slowBegun === begunBefore + slow.length, patienceMs);
      await trouble.begin();
      const from = performance.now();
      tools = [...tools, `new-${index}`];

      const noticedMs = isLoss ? await eventually(() => !all().some(isUp), patienceMs) : 0;
      if (isLoss) {
        for (const mode of modes) {
          const [first, second] = pairs[mode];
          const wish = { target: "x/echo", why: "Trouble" };
          expect(await admin(second!, "POST", "/blocks", wish)).toMatchObject({
            status: 503,
            code: "STORE_UNAVAILABLE",
          });
          const { id } = set[modes.indexOf(mode)]!;
          expect(await admin(second!, "DELETE", `/blocks/${id}`)).toMatchObject({
            status: 503,
            code: "STORE_UNAVAILABLE",
          });
          const blocked = await call(first!.url, "blocked");
          const { code, error } = blocked.json();
          expect(code ?? error?.data.code).toBe(
            mode === "refuse" ? "STORE_UNAVAILABLE" : "TARGET_UNKNOWN",
          );
          const session = sessions[modes.indexOf(mode)]!;
          const listed = await session.send("tools/list");
          expect(listed.status).toBe(mode === "refuse" ? 503 : 200);
        }
        await isBlocked();
      }
      await sleep(Math.max(0, trouble.lastsMs - (performance.now() - from)));
      const endedAt = performance.now();
      const lagBefore = loads.refuse.lagMs();
      await trouble.end();
      mend = undefined;
      const backMs = await eventually(() => all().every(isUp), patienceMs);
      const goodMs = await eventually(
        () => loads.refuse.samples.some((each) => each.at > endedAt && !isUnavailable(each)),
        patienceMs,
      );
      const lagMs = loads.refuse.lagMs() - lagBefore;
      if (isLoss) expect(Math.max(backMs, goodMs)).toBeLessThan(2_000 + lagMs);

      for (const { status } of await Promise.all(slow)) expect(status).toBe(200);
      for (const subscription of subscriptions) {
        // What was emptied has missed nothing.
        const next = isLoss ? (await subscription.next())?.message.method : "";
        if (isLoss) expect(next).toBe("notifications/tools/list_changed");
        subscription.leave();
      }
      for (const [at, session] of sessions.entries()) {
        const listed = await session.send("tools/list");
        expect(listed.status).toBe(losesData ? 404 : 200);
        if (losesData) expect(listed.last.error?.data?.code).toBe("SESSION_UNKNOWN");
        ownStreams[at]?.leave();
      }
      await isBlocked();
      await sleep(300);

      const times = { begunAt, from, noticedAt: from + noticedMs, endedAt };
      for (const mode of modes) await expectBounded(trouble, mode, loads[mode], times);
      for (const [at, mode] of modes.entries()) {
        const ended = await admin(pairs[mode][1]!, "DELETE", `/blocks/${set[at]!.id}`);
        expect(ended.status).toBe(204);
      }
      await eventually(hasBlocks(0), patienceMs);
      const errors = all().flatMap(({ lines }) => lines.filter((line) => line.startsWith("error")));
      expect(errors).toEqual([]);
      expect(unhandled).toEqual([]);
      // Nothing that waits is left.
      await eventually(
        () => all().every(({ timers }, at) => timers() <= (timersBefore[at] ?? 0) + 10),
        patienceMs,
      );
    },
    60_000,
  );
});
