/** Approvals on two instances with one store, and under a config that changes. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Secret } from "../../src/core/index.ts";
import { type RedisServer, describeRedis, startRedis } from "../stores/redis-server.ts";
import { type How, type Said, callModern, configWith, large } from "./approvals-rig.ts";
import { type RunningGateway, allowAll, runGateway } from "./gateway.ts";
import { type PlainServer, startPlainServer } from "./plain-server.ts";
import { a, runReloading } from "./reloading.ts";

let server: PlainServer;
beforeAll(async () => {
  server = await startPlainServer({ tools: {} }, ({ method }) => {
    if (method !== "tools/list") return { content: [{ type: "text", text: "done" }] };
    const tools = [{ name: "send", inputSchema: { type: "object" } }];
    return { tools, ttlMs: 0, cacheScope: "public" };
  });
});
afterAll(() => server.close());

const text = (said: Said): unknown => said.result?.content?.[0]?.text;

describeRedis("two instances with one Redis", () => {
  let redis: RedisServer;
  let instances: readonly [RunningGateway, RunningGateway];

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());
  afterEach(() => Promise.all(instances.map((instance) => instance.close())));

  async function open(rules = large): Promise<void> {
    const config = configWith(server.url, rules, {
      keys: [new Secret("a-key-of-several-instances-of-thirty-two-bytes")],
      store: { redis: redis.url, prefix: `test:${Math.random()}:` },
    });
    instances = [await runGateway(config), await runGateway(config)];
  }
  const call = (index: 0 | 1, how: How = {}): Promise<Said> =>
    callModern(`${instances[index].url}/mcp/x`, how);

  test("what one asks the other takes, and once", async () => {
    await open();
    const { state } = await call(0);
    expect(text(await call(1, { state, action: "accept" }))).toBe("done");
    for (const index of [0, 1] as const) {
      expect((await call(index, { state, action: "accept" })).code).toBe("STATE_INVALID");
    }
  });

  test("what was declined at one stays declined at the other", async () => {
    await open();
    const { state } = await call(0);
    expect((await call(1, { state, action: "decline" })).code).toBe("APPROVAL_REFUSED");
    expect((await call(0, { state, action: "accept" })).code).toBe("STATE_INVALID");
  });

  test("what waits at one is decided at the other, and passes once", async () => {
    await open([{ name: "all", on: "x/*", then: "ask", ask: { via: "operator" } }]);
    const id = String((await call(0)).data?.["approvalId"]);
    const { approvals } = instances[1].operations;
    expect((await approvals.list()).map((each) => each.id)).toEqual([id]);
    await approvals.decide(id, { decision: "approve", by: "ann", is: [] });
    const all = await Promise.all([call(0), call(1), call(0), call(1)]);
    expect(all.filter((said) => text(said) === "done")).toHaveLength(1);
  });

  test("a call that waits at one hears at once what is decided at the other", async () => {
    const ask = { via: "operator" as const, waitMs: 60_000 };
    await open([{ name: "all", on: "x/*", then: "ask", ask }]);
    const waiting = call(0);
    const { approvals } = instances[1].operations;
    await expect.poll(async () => (await approvals.list()).length).toBe(1);
    const from = performance.now();
    const [found] = await approvals.list();
    await approvals.decide(found?.id ?? "", { decision: "approve", by: "ann", is: [] });
    expect(text(await waiting)).toBe("done");
    expect(performance.now() - from).toBeLessThan(900);
  });

  test("a store that is lost lets nothing pass", async () => {
    await open();
    const { state } = await call(0);
    await redis.close();
    try {
      const said = await call(1, { state, action: "accept" });
      expect(said.code).toBe("STORE_UNAVAILABLE");
      expect(said.result).toBeUndefined();
    } finally {
      redis = await startRedis();
    }
  });
});

test("a yes to one config is none to another, and the person is asked again", async () => {
  const config = {
    admin: { port: 0 },
    listen: { port: 0 },
    upstreams: { x: { url: server.url } },
    clients: { a: { ...a, allow: { ...allowAll, input: ["elicitation"] } } },
    rules: large,
  };
  const gateway = await runReloading(config);
  try {
    const url = `${gateway.url}/mcp/x`;
    const { state } = await callModern(url);
    await gateway.change({ ...config, sanitize: { hidden: "show" } });
    const again = await callModern(url, { state, action: "accept" });
    expect(again.question).toBeDefined();
    expect(text(await callModern(url, { state: again.state, action: "accept" }))).toBe("done");

    const old = await callModern(url);
    await gateway.change({ ...config, rules: [] });
    expect((await callModern(url, { state: old.state, action: "decline" })).code).toBe(
      "APPROVAL_REFUSED",
    );
    expect(text(await callModern(url, { state: old.state, action: "accept" }))).toBe("done");
  } finally {
    await gateway.close();
  }
});

test("a yes that was used is no good after a restart that keeps the keys but no store", async () => {
  const config = configWith(server.url, large, {
    keys: [new Secret("a-key-that-outlives-the-process-thirty-two-bytes")],
  });
  const first = await runGateway(config);
  const { state } = await callModern(`${first.url}/mcp/x`);
  const yes = { state, action: "accept" };
  expect(text(await callModern(`${first.url}/mcp/x`, yes))).toBe("done");
  await first.close();
  const second = await runGateway(config);
  try {
    const again = await callModern(`${second.url}/mcp/x`, yes);
    expect(text(again)).toBeUndefined();
    expect(again.question).toBeDefined();
  } finally {
    await second.close();
  }
});
