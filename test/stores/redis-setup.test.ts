import { Redis } from "ioredis";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret, StoreLost } from "../../src/core/index.ts";
import { eventually } from "./eventually.ts";
import { openRedisStore } from "./open.ts";
import {
  type RedisServer,
  describeRedis,
  freePort,
  makeCertificate,
  startRedis,
} from "./redis-server.ts";
import { openRoad } from "./road.ts";

const password = "p@ss/w:rd#1";
const encoded = encodeURIComponent(password);

describeRedis("A Redis with users", () => {
  let server: RedisServer;
  let client: Redis;
  let at: string;
  beforeAll(async () => {
    server = await startRedis(["--requirepass", password, "--databases", "4"]);
    client = new Redis(server.url, { password });
    at = `127.0.0.1:${server.port}`;
    const commands = ["evalsha", "eval", "script|load", "get", "set", "del", "ping", "select"];
    const rights = [...commands, "publish", "subscribe", "unsubscribe"].map((each) => `+${each}`);
    const allow = async (name: string, ...rest: string[]): Promise<void> => {
      await client.acl("SETUSER", name, "on", `>${password}`, ...rest);
    };
    // What the scripts call is asked of the user as well.
    const inScripts = ["time", "getrange", "exists", "pttl", "strlen"].map((each) => `+${each}`);
    await allow("gateway", "~gw:*", "&gw:*", ...rights, ...inScripts);
    await allow("silent", "~gw:*", "resetchannels", ...rights, ...inScripts);
    await allow("elsewhere", "~other:*", "&gw:*", ...rights, ...inScripts);
    await allow("reader", "~gw:*", "&gw:*", ...rights, ...inScripts, "-set");
    await allow("unscripted", "~gw:*", "&gw:*", ...rights, ...inScripts, "-eval", "-evalsha");
  });
  afterAll(async () => {
    client.disconnect();
    await server.close();
  });

  test.each([
    ["a wrong password", "redis://:wrong@", "", "the user or the password is wrong"],
    ["an unknown user", `redis://nobody:${encoded}@`, "", "the user or the password is wrong"],
    ["no password", "redis://", "", "it asks for a password"],
    ["a database that is not there", `redis://:${encoded}@`, "/4", "it has no such database"],
    ["a user without channels", `redis://silent:${encoded}@`, "", "not use the channels"],
    [
      "a user without the keys",
      `redis://elsewhere:${encoded}@`,
      "",
      "the user may not use the keys",
    ],
    ["a user who may not write", `redis://reader:${encoded}@`, "", "what the scripts run"],
    ["a user without scripts", `redis://unscripted:${encoded}@`, "", 'may not run "evalsha"'],
  ])("A start with %s fails, and says so without the password", async (_, begin, end, why) => {
    const url = `${begin}${at}${end}`;
    const opened = openRedisStore(url, { prefix: "gw:", redis: new Secret(url) });
    const error: unknown = await opened.catch((caught: unknown) => caught);
    if (!(error instanceof StoreLost)) throw new Error("It was opened");
    expect(error.reason).toBe("setup");
    expect(error.message).toContain(why);
    const user = /\/\/(\w+):/.exec(begin)?.[1];
    const shown = `redis://${user === undefined ? "" : `${user}@`}${at}${end === "" ? "/0" : end}`;
    expect(error.message).toContain(`"${shown}"`);
    for (const secret of [password, encoded, "wrong@"]) {
      expect(inspect(error, { depth: 9 })).not.toContain(secret);
    }
    await eventually(async () => !String(await client.client("LIST")).includes("cmd=subscribe"));
  });

  test("A user needs no more than its keys, its channels and a few commands", async () => {
    const url = `redis://gateway:${encoded}@${at}/3`;
    const under = await openRedisStore(url, { prefix: "gw:" });
    const { store, bus } = under;
    const heard: string[] = [];
    const end = await bus.subscribe("c", (text) => heard.push(text));
    await bus.publish("c", "x");
    await eventually(() => heard.length > 0);
    end();
    await store.set("k", "v", 60_000);
    expect(await store.get("k")).toBe("v");
    await store.delete("k");
    expect(await store.setOnce("k", "v", 60_000)).toBe(true);
    expect(await store.replace("k", "v", "w", 60_000)).toBe(true);
    expect(await store.take([{ key: "k", capacity: 1, perSecond: 1 }])).toMatchObject({ ok: true });
    expect(under.states).toEqual([]);
    const third = client.duplicate({ db: 3 });
    expect((await third.keys("*")).filter((key) => !key.startsWith("gw:"))).toEqual([]);
    expect(await third.keys("gw:value:*")).toEqual(["gw:value:k"]);
    expect(await client.keys("*")).toEqual([]);
    third.disconnect();
    await under.close();
  });

  test("A user whose password changed is lost, and back when it is the old one again", async () => {
    await client.acl("SETUSER", "moving", "on", ">one", "~*", "&*", "+@all");
    const under = await openRedisStore(`redis://moving:one@${at}`);
    await client.acl("SETUSER", "moving", "resetpass", ">two");
    await client.client("KILL", "USER", "moving");
    await eventually(() => under.lines.some((line) => line.includes("the password is wrong")));
    await expect(under.store.get("k")).rejects.toThrow(StoreLost);
    expect(under.lines.join()).not.toMatch(/:one@|two/);
    await client.acl("SETUSER", "moving", ">one");
    expect(await eventually(() => under.state() === "up")).toBeLessThan(2000);
    await under.close();
  });

  test("A password that the server does not ask for is a fault, for nothing is protected", async () => {
    const open = await startRedis();
    const url = `redis://:secret@127.0.0.1:${open.port}`;
    await expect(openRedisStore(url)).rejects.toThrow("it asks for no password");
    await open.close();
  });
});

describeRedis("A Redis at the start", () => {
  test("A store that is away at the start is waited for", async () => {
    const server = await startRedis();
    await server.kill();
    const under = await openRedisStore(server.url);
    expect(under.state()).toBe("lost");
    await expect(under.store.get("k")).rejects.toThrow("nothing listens there");
    await server.start();
    expect(await eventually(() => under.state() === "up")).toBeLessThan(2000);
    await under.store.set("k", "v", 60_000);
    await under.close();
    await server.close();
  });

  test("A store that does not answer at the start does not hold it up", async () => {
    const server = await startRedis();
    server.signal("SIGSTOP");
    const start = performance.now();
    const under = await openRedisStore(server.url, { deadlineMs: 200 });
    expect(performance.now() - start).toBeLessThan(1000);
    expect(under.state()).toBe("lost");
    await under.close();
    expect(under.timers()).toBe(0);
    await server.close();
  });

  test("A store that is far away is reached, where it answers each command in time", async () => {
    const server = await startRedis();
    const road = await openRoad(server.port);
    road.delayMs = 200;
    const under = await openRedisStore(`redis://127.0.0.1:${road.port}`, { deadlineMs: 400 });
    expect(under.state()).toBe("up");
    await under.store.set("k", "v", 60_000);
    expect(await under.store.get("k")).toBe("v");
    await under.close();
    await road.close();
    await server.close();
  });

  test.each(["allkeys-lru", "volatile-ttl", "allkeys-random"])(
    "A policy that drops keys is a warning: %s",
    async (policy) => {
      const server = await startRedis(["--maxmemory-policy", policy]);
      const under = await openRedisStore(server.url);
      const warnings = under.lines.filter((line) => line.startsWith("warn"));
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain(policy);
      await under.close();
      await server.close();
    },
  );

  test("A cluster is refused", async () => {
    const server = await startRedis(["--cluster-enabled", "yes"]);
    await expect(openRedisStore(server.url)).rejects.toThrow("it is a cluster");
    await expect(openRedisStore(`${server.url}/1`)).rejects.toThrow("it is a cluster");
    await server.close();
  });

  test("TLS is spoken where the URL says so, with nobody else's certificate", async () => {
    const plain = await startRedis();
    const { cert, key } = makeCertificate(plain.folder);
    const port = await freePort();
    const files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert];
    await plain.kill();
    await plain.start(["--tls-port", `${port}`, "--tls-auth-clients", "no", ...files]);
    const url = `rediss://127.0.0.1:${port}`;
    const trusting = await openRedisStore(url, { ca: readFileSync(cert, "utf8") });
    expect(trusting.state()).toBe("up");
    await trusting.store.set("k", "v", 60_000);
    expect(await trusting.store.get("k")).toBe("v");
    await trusting.close();
    const doubting = await openRedisStore(url);
    expect(doubting.state()).toBe("lost");
    await expect(doubting.store.get("k")).rejects.toThrow("certificate is not trusted");
    await doubting.close();
    const confused = await openRedisStore(`rediss://127.0.0.1:${plain.port}`, { deadlineMs: 300 });
    expect(confused.state()).toBe("lost");
    await confused.close();
    expect(trusting.timers() + doubting.timers() + confused.timers()).toBe(0);
    await plain.close();
  });
});
