/** Each thing that can become of an approval: in both eras, on one instance and across two, recorded. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Secret } from "../../src/core/index.ts";
import { type RedisServer, describeRedis, startRedis } from "../stores/redis-server.ts";
import { accepts, openLegacy } from "./approvals-legacy-rig.ts";
import { type How, type Rules, type Said, callModern, configWith, large } from "./approvals-rig.ts";
import { type RunningGateway, runGateway, tokenA, tokenB } from "./gateway.ts";
import { type PlainServer, startPlainServer } from "./plain-server.ts";

let server: PlainServer;
let redis: RedisServer | undefined;
let instances: readonly RunningGateway[] = [];

beforeAll(async () => {
  server = await startPlainServer({ tools: {} }, ({ method }) => {
    if (method !== "tools/list") return { content: [{ type: "text", text: "done" }] };
    const tools = [{ name: "send", inputSchema: { type: "object" } }];
    return { tools, ttlMs: 0, cacheScope: "public" };
  });
});
afterAll(() => server.close());
afterEach(async () => {
  await Promise.all(instances.map((instance) => instance.close()));
  instances = [];
  server.requests.length = 0;
});

const annToken = "a-token-of-the-operator-ann-that-is-long-enough";
const bobToken = "a-token-of-the-operator-bob-that-is-long-enough";
const operator = { can: ["approve" as const] };
const users = {
  ann: { ...operator, auth: { token: new Secret(annToken) } },
  bob: { ...operator, auth: { token: new Secret(bobToken) }, is: ["a"] },
};
type Open = (rules: Rules) => Promise<void>;

/** Asked at the first and answered at the last, which may be one and the same. */
async function openAlone(rules: Rules): Promise<void> {
  const config = configWith(server.url, rules, { admin: { port: 0, users } });
  instances = [await runGateway(config, 0, { isAdministered: true })];
}
async function openBoth(
  rules: Rules,
  digests: readonly [string, string] = ["test", "test"],
): Promise<void> {
  const config = configWith(server.url, rules, {
    admin: { port: 0, users },
    keys: [new Secret("a-key-of-several-instances-of-thirty-two-bytes")],
    store: { redis: redis?.url ?? "", prefix: `test:${Math.random()}:` },
  });
  instances = await Promise.all(
    digests.map((digest) => runGateway(config, 0, { digest, isAdministered: true })),
  );
}
const first = () => instances[0] as RunningGateway;
const last = () => instances.at(-1) as RunningGateway;
const mcp = ({ url }: RunningGateway): string => `${url}/mcp/x`;

const calls = (): number => server.requests.filter(({ method }) => method === "tools/call").length;
/** The newest record of a call at an instance. */
async function recorded(instance: RunningGateway): Promise<Record<string, unknown> | undefined> {
  return (await instance.records()).findLast(({ method }) => method === "tools/call");
}

describe("on one instance", () => {
  all(openAlone);
});

describeRedis("asked at one instance and answered at another", () => {
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.close());
  all(openBoth);

  test.each(["client", "operator"] as const)(
    "a yes of the %s to the config of one is none under that of the other",
    async (via) => {
      const rules: Rules = [{ ...large[0]!, ask: { via } }];
      await openBoth(rules, ["one", "other"]);
      const asked = await callModern(mcp(first()));
      if (via === "operator") await decide(asked.data?.["approvalId"], "approve");
      const again = await callModern(mcp(last()), { state: asked.state, action: "accept" });
      expect(again.question ?? again.code).not.toBeUndefined();
      expect(again.data?.["approvalId"] ?? again.state).not.toBe(
        asked.data?.["approvalId"] ?? asked.state,
      );
      expect(await recorded(last())).toMatchObject({ decision: "asked", stage: "approve" });
      expect(calls()).toBe(0);
    },
  );
});

/** Says an operator's word at the admin listener of the last instance. */
async function decide(id: unknown, decision: "approve" | "deny", token = annToken) {
  const response = await fetch(`${last().adminUrl ?? ""}/approvals/${String(id)}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ decision }),
  });
  return (await response.json()) as { readonly state?: string; readonly code?: string };
}

function all(open: Open): void {
  describe("a modern client's person", () => {
    /** What became of the retry, with its record. */
    async function answer(how: How, rules = large) {
      await open(rules);
      const asked = await callModern(mcp(first()));
      expect(asked.question).toBeDefined();
      const question = await recorded(first());
      expect(question).toMatchObject({ decision: "asked", approval: { via: "client" } });
      const id = idOf(question);
      const said = await callModern(mcp(last()), { state: asked.state, ...how });
      return { id, said, state: asked.state, record: await recorded(last()) };
    }

    test("approves", async () => {
      const { id, said, record } = await answer({ action: "accept" });
      expect(textOf(said)).toBe("done");
      expect(record).toMatchObject({
        decision: "allowed",
        approval: { id, via: "client", by: "a" },
      });
      expect(calls()).toBe(1);
    });

    test.each(["decline", "cancel"])("refuses by %s", async (action) => {
      const { id, said, record } = await answer({ action });
      expect(said.code).toBe("APPROVAL_REFUSED");
      expect(record).toMatchObject({
        decision: "denied",
        stage: "approve",
        code: "APPROVAL_REFUSED",
        approval: { id, via: "client", by: "a" },
      });
      expect(calls()).toBe(0);
    });

    test("answers too late", async () => {
      const { id, said, record } = await answer({ action: "accept" }, [
        { ...large[0]!, ask: { expiresMs: 1 } },
      ]);
      expect(said.question).toBeDefined();
      expect(record).toMatchObject({ decision: "asked", approval: { via: "client" } });
      expect(idOf(record)).not.toBe(id);
      expect(calls()).toBe(0);
    });

    test("approves once, however often the state is played again", async () => {
      const { state } = await answer({ action: "accept" });
      for (const instance of [first(), last()]) {
        const again = await callModern(mcp(instance), { state, action: "accept" });
        expect(again.code).toBe("STATE_INVALID");
        expect(await recorded(instance)).toMatchObject({
          decision: "denied",
          stage: "approve",
          code: "STATE_INVALID",
        });
      }
      expect(calls()).toBe(1);
    });

    test.each([
      ["changed argument", { args: { amount: 501 } }, "a"],
      ["call of another principal", { token: tokenB }, "b"],
    ])("approves no %s", async (_, changed, client) => {
      const { said, record } = await answer({ action: "accept", ...changed });
      expect(said.code).toBe("STATE_INVALID");
      expect(record).toMatchObject({ client, decision: "denied", code: "STATE_INVALID" });
      expect(calls()).toBe(0);
    });
  });

  describe("a legacy client's person", () => {
    const openPerson = () => openLegacy(mcp(first()), { answersTo: mcp(last()) });

    test("approves", async () => {
      await open(large);
      const { call } = await openPerson();
      const end = (await call("send", accepts)).at(-1);
      expect(end?.result?.content?.[0]?.text).toBe("done");
      expect(await recorded(first())).toMatchObject({
        decision: "allowed",
        approval: { via: "client", by: "a" },
      });
      expect(calls()).toBe(1);
    });

    test.each(["decline", "cancel"])("refuses by %s", async (action) => {
      await open(large);
      const { call } = await openPerson();
      const end = (await call("send", () => ({ result: { action } }))).at(-1);
      expect(end?.error?.data).toMatchObject({ code: "APPROVAL_REFUSED" });
      expect(await recorded(first())).toMatchObject({
        decision: "denied",
        stage: "approve",
        approval: { via: "client", by: "a" },
      });
      expect(calls()).toBe(0);
    });

    test("says nothing for too long", async () => {
      await open([{ ...large[0]!, ask: { expiresMs: 50 } }]);
      const { call } = await openPerson();
      const end = (await call("send", () => undefined)).at(-1);
      expect(end?.error?.data).toMatchObject({ code: "APPROVAL_REFUSED" });
      expect(await recorded(first())).toMatchObject({ decision: "denied", stage: "approve" });
      expect(calls()).toBe(0);
    });

    test("approves once, however often the answer is played again", async () => {
      await open(large);
      const { call, send } = await openPerson();
      let played: string | undefined;
      const messages = await call("send", ({ id }) => {
        played = id;
        return accepts();
      });
      expect(messages.at(-1)?.result).toBeDefined();
      const again = await send({ id: played, ...accepts() }, undefined, mcp(last()));
      expect(again.status).toBe(400);
      await again.text();
      expect(calls()).toBe(1);
    });

    test("is not another principal", async () => {
      await open([{ ...large[0]!, ask: { expiresMs: 400 } }]);
      const { call } = await openPerson();
      const stranger = await openLegacy(mcp(last()), { token: tokenB });
      let status = 0;
      const messages = await call("send", ({ id }) => {
        void stranger.send({ id, ...accepts() }).then((response) => (status = response.status));
        return undefined;
      });
      expect(messages.at(-1)?.error?.data).toMatchObject({ code: "APPROVAL_REFUSED" });
      expect(status).toBe(400);
      expect(calls()).toBe(0);
    });
  });

  describe.each(["modern", "legacy"] as const)("an operator, on a call of a %s client", (era) => {
    const rules = (ask: object = {}): Rules => [
      { name: "signed", on: "x/*", then: "ask", ask: { via: "operator", ...ask } },
    ];
    /** What a call comes to: the code of a refusal, the id of what waits. */
    async function call(
      instance: RunningGateway,
      { token = tokenA, args = { amount: 500 } }: { token?: string; args?: object } = {},
    ): Promise<{ code?: unknown; id?: unknown; text?: unknown }> {
      if (era === "modern") {
        const said = await callModern(mcp(instance), { token, args });
        return { code: said.code, id: said.data?.["approvalId"], text: textOf(said) };
      }
      const client = await openLegacy(mcp(instance), { token });
      const end = (await client.call("send", accepts, { args })).at(-1);
      const data = end?.error?.data;
      const text = end?.result?.content?.[0]?.text;
      return { code: data?.["code"], id: data?.["approvalId"], text };
    }
    async function openAsked(ask: object = {}) {
      await open(rules(ask));
      const { code, id } = await call(first());
      expect(code).toBe("APPROVAL_REQUIRED");
      expect(await recorded(first())).toMatchObject({
        decision: "asked",
        code: "APPROVAL_REQUIRED",
        approval: { id, via: "operator" },
      });
      return id;
    }
    const said = async () =>
      (await last().records()).findLast(({ method }) => method === "approvals.decide");

    test("approves it", async () => {
      const id = await openAsked();
      expect(await decide(id, "approve")).toMatchObject({ state: "approved" });
      expect(await said()).toMatchObject({ kind: "admin", decision: "allowed", subject: "ann" });
      expect((await call(first())).text).toBe("done");
      expect(await recorded(first())).toMatchObject({
        decision: "allowed",
        approval: { id, via: "operator", by: "ann" },
      });
      expect(calls()).toBe(1);
    });

    test("refuses it", async () => {
      const id = await openAsked();
      expect(await decide(id, "deny")).toMatchObject({ state: "denied" });
      expect((await call(first())).code).toBe("APPROVAL_REFUSED");
      expect(await recorded(first())).toMatchObject({
        decision: "denied",
        stage: "approve",
        code: "APPROVAL_REFUSED",
        approval: { id, via: "operator", by: "ann" },
      });
      expect(calls()).toBe(0);
    });

    test("says nothing for too long", async () => {
      const id = await openAsked({ expiresMs: 30 });
      await expect.poll(() => last().operations.approvals.list()).toEqual([]);
      expect(await decide(id, "approve")).toMatchObject({ code: "APPROVAL_UNKNOWN" });
      expect(await said()).toMatchObject({ decision: "failed", code: "APPROVAL_UNKNOWN" });
      const again = await call(last());
      expect(again.code).toBe("APPROVAL_REQUIRED");
      expect(again.id).not.toBe(id);
      expect(calls()).toBe(0);
    });

    test("approves it once", async () => {
      const id = await openAsked();
      await decide(id, "approve");
      expect((await call(last())).text).toBe("done");
      for (const instance of [first(), last()]) {
        const again = await call(instance);
        expect(again.code).toBe("APPROVAL_REQUIRED");
        expect(again.id).not.toBe(id);
        expect(await recorded(instance)).toMatchObject({ decision: "asked" });
      }
      expect(calls()).toBe(1);
    });

    test.each([
      ["changed argument", { args: { amount: 501 } }, "a"],
      ["call of another principal", { token: tokenB }, "b"],
    ])("approves no %s", async (_, changed, client) => {
      const id = await openAsked();
      await decide(id, "approve");
      const other = await call(last(), changed);
      expect(other.code).toBe("APPROVAL_REQUIRED");
      expect(other.id).not.toBe(id);
      expect(await recorded(last())).toMatchObject({ client, decision: "asked" });
      expect(calls()).toBe(0);
    });

    test("approves no call of their own", async () => {
      const id = await openAsked();
      expect(await decide(id, "approve", bobToken)).toMatchObject({ code: "RIGHT_MISSING" });
      expect(await said()).toMatchObject({
        decision: "failed",
        code: "RIGHT_MISSING",
        subject: "bob",
      });
      expect(await call(last())).toMatchObject({ code: "APPROVAL_REQUIRED", id });
      expect(calls()).toBe(0);
      const others = await call(first(), { token: tokenB });
      expect(await decide(others.id, "approve", bobToken)).toMatchObject({ state: "approved" });
    });
  });
}

function textOf(said: Said): unknown {
  return said.result?.content?.[0]?.text;
}

/** Of the approval that a record tells of. */
function idOf(record: Record<string, unknown> | undefined): string | undefined {
  return (record?.["approval"] as { readonly id: string } | undefined)?.id;
}
