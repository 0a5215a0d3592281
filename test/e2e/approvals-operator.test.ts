/** Calls that wait for an operator: what each word of theirs comes to. */
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Secret } from "../../src/core/index.ts";
import { type How, type Rules, type Said, callModern, configWith } from "./approvals-rig.ts";
import { type RunningGateway, runGateway, tokenB } from "./gateway.ts";
import { type PlainServer, startPlainServer } from "./plain-server.ts";

let server: PlainServer;
let gateway: RunningGateway;

beforeAll(async () => {
  server = await startPlainServer({ tools: {} }, ({ method }) => {
    if (method !== "tools/list") return { content: [{ type: "text", text: "done" }] };
    const tools = ["send", "other"].map((name) => ({ name, inputSchema: { type: "object" } }));
    return { tools, ttlMs: 0, cacheScope: "public" };
  });
});
afterAll(() => server.close());
afterEach(async () => {
  await gateway.close();
  server.requests.length = 0;
});

const rules = (ask: object = {}): Rules => [
  { name: "signed", on: "x/*", then: "ask", ask: { via: "operator", ...ask }, why: "Money" },
];
const open = async (ask?: object): Promise<void> => {
  gateway = await runGateway(configWith(server.url, rules(ask)));
};
const call = (how: How = {}): Promise<Said> => callModern(`${gateway.url}/mcp/x`, how);
const list = () => gateway.operations.approvals.list();
const decide = (id: unknown, decision: "approve" | "deny", by = "ann") =>
  gateway.operations.approvals.decide(String(id), { decision, by, is: [] });
const text = (said: Said): unknown => said.result?.content?.[0]?.text;
const calls = (): number => server.requests.filter(({ method }) => method === "tools/call").length;

test("a call is refused until one approves it, and then passes once", async () => {
  await open();
  const refused = await call();
  expect(refused.code).toBe("APPROVAL_REQUIRED");
  const id = refused.data?.["approvalId"];
  expect((await call()).data?.["approvalId"]).toBe(id);
  const [waiting, ...more] = await list();
  expect(more).toEqual([]);
  expect(waiting).toMatchObject({
    id,
    client: "a",
    kind: "tool",
    upstream: "x",
    name: "send",
    args: '{"amount":500}',
    rules: ["signed"],
    why: "Money",
    state: "waiting",
  });
  expect(Object.keys(waiting ?? {})).not.toContain("call");
  expect(await decide(id, "approve")).toMatchObject({ state: "approved", by: "ann" });
  expect(text(await call())).toBe("done");
  expect(calls()).toBe(1);
  expect((await call()).data?.["approvalId"]).not.toBe(id);
  const records = await gateway.records();
  const passed = records.find(
    ({ kind, decision }) => kind === "exchange" && decision === "allowed",
  );
  expect(passed?.["approval"]).toEqual({ id, via: "operator", by: "ann" });
});

test.each([
  ["other arguments", { args: { amount: 501 } }],
  ["another tool", { name: "other" }],
  ["another client", { token: tokenB }],
])("an approval is not for %s", async (_, changed) => {
  await open();
  const { data } = await call();
  await decide(data?.["approvalId"], "approve");
  expect((await call(changed)).code).toBe("APPROVAL_REQUIRED");
  expect(calls()).toBe(0);
});

test("an approval passes one of many calls at once", async () => {
  await open();
  await decide((await call()).data?.["approvalId"], "approve");
  const all = await Promise.all(Array.from({ length: 8 }, () => call()));
  expect(all.filter((said) => text(said) === "done")).toHaveLength(1);
  expect(calls()).toBe(1);
});

test("a call that one denied is refused", async () => {
  await open();
  const id = (await call()).data?.["approvalId"];
  expect(await decide(id, "deny")).toMatchObject({ state: "denied" });
  expect((await call()).code).toBe("APPROVAL_REFUSED");
  expect(await decide(id, "approve")).toBe("decided");
  expect(calls()).toBe(0);
});

test("nobody approves their own call, and what is not there is unknown", async () => {
  await open();
  const id = (await call()).data?.["approvalId"];
  expect(await decide(id, "approve", "a")).toBe("own");
  expect(await decide("0123456789abcdef", "approve")).toBe("unknown");
  expect((await call()).code).toBe("APPROVAL_REQUIRED");
});

test("what nobody decides in time is gone, and so is a yes that is not used", async () => {
  await open({ expiresMs: 30 });
  const id = (await call()).data?.["approvalId"];
  await expect.poll(list).toEqual([]);
  expect(await decide(id, "approve")).toBe("unknown");
  await decide((await call()).data?.["approvalId"], "approve");
  await expect.poll(list).toEqual([]);
  expect((await call()).code).toBe("APPROVAL_REQUIRED");
});

test("a call may wait for the word", async () => {
  await open({ waitMs: 10_000 });
  const waiting = call();
  await expect.poll(async () => (await list()).length).toBe(1);
  await decide((await list())[0]?.id, "approve");
  expect(text(await waiting)).toBe("done");
  const denied = call({ args: { amount: 1 } });
  await expect.poll(async () => (await list()).length).toBe(1);
  await decide((await list())[0]?.id, "deny");
  expect((await denied).code).toBe("APPROVAL_REFUSED");
});

test("a client is not asked itself, and its own yes is worth nothing", async () => {
  await open();
  const said = await call({ action: "accept" });
  expect(said.code).toBe("APPROVAL_REQUIRED");
  expect(said.question).toBeUndefined();
});

test("so many wait of one client, and none of another is crowded out", async () => {
  await open();
  const numbers = Array.from({ length: 33 }, (_, amount) => amount);
  const all = [];
  for (const amount of numbers) all.push(await call({ args: { amount } }));
  expect(all.filter(({ data }) => data?.["approvalId"] === undefined)).toHaveLength(1);
  expect(all.at(-1)?.code).toBe("APPROVAL_REQUIRED");
  expect((await call({ token: tokenB })).data?.["approvalId"]).toBeDefined();
});

test("an operator sees no secret, and what a rule allows to wait is cut", async () => {
  await open();
  const key = "AKIA" + "IOSFODNN7EXAMPLZ";
  await call({ args: { key, hidden: "a\u202Eb", long: "y".repeat(9_000) } });
  const [{ args } = { args: "" }] = await list();
  expect(args).not.toContain(key);
  expect(args).not.toContain("\u202E");
  expect(args).toContain("NOT ALL IS SHOWN");
  expect(args.length).toBeLessThan(1_200);
});

test("a call that begins to wait is announced by a webhook, once and signed", async () => {
  const heard: { headers: Record<string, unknown>; body: string }[] = [];
  const hook = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      heard.push({ headers: request.headers, body: Buffer.concat(pieces).toString() });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => {
    hook.listen(0, "127.0.0.1", resolve);
  });
  try {
    const { port } = hook.address() as AddressInfo;
    const secret = new Secret("a-secret-that-signs-what-is-announced");
    const webhook = { url: `http://127.0.0.1:${port}/hook?a=1`, secret };
    gateway = await runGateway(configWith(server.url, rules(), { approvals: { webhook } }));
    const id = (await call()).data?.["approvalId"];
    await call();
    await expect.poll(() => heard.length).toBe(1);
    await call({ args: { amount: 1 } });
    await expect.poll(() => heard.length).toBe(2);
    const [{ headers, body } = { headers: {}, body: "" }] = heard;
    expect(JSON.parse(body)).toEqual({
      v: 1,
      id,
      kind: "approval",
      client: "a",
      upstream: "x",
      target: "send",
      why: "Money",
      expiresAt: (await list())[0]?.until,
      instance: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    });
    const hmac = createHmac("sha256", secret.reveal()).update(body).digest("hex");
    expect(headers["x-mcp-gw-signature"]).toBe(`sha256=${hmac}`);
    expect(headers["content-type"]).toBe("application/json");
  } finally {
    hook.closeAllConnections();
    hook.close();
  }
});
