/** A legacy client's person is asked on the stream of the call. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Rules, configWith, large } from "./approvals-rig.ts";
import { accepts, elicitsLegacy as elicits, openLegacy } from "./approvals-legacy-rig.ts";
import { type RunningGateway, runGateway } from "./gateway.ts";
import { type PlainServer, startPlainServer } from "./plain-server.ts";

let server: PlainServer;
let gateway: RunningGateway;

beforeAll(async () => {
  server = await startPlainServer({ tools: {} }, ({ method, params }) => {
    if (method === "tools/list") {
      const inputSchema = { type: "object" };
      const tools = ["send", "chatty"].map((name) => ({ name, inputSchema }));
      return { tools, ttlMs: 0, cacheScope: "public" };
    }
    if (params["name"] === "chatty" && params["inputResponses"] === undefined) {
      const who = { mode: "form", message: "Who?", requestedSchema: { type: "object" } };
      return {
        resultType: "input_required",
        inputRequests: { who: { method: "elicitation/create", params: who } },
        requestState: "of the server",
      };
    }
    return { content: [{ type: "text", text: "done" }] };
  });
});
afterAll(() => server.close());
afterEach(async () => {
  await gateway.close();
  server.requests.length = 0;
});

async function open(rules: Rules, capabilities: object, revision = "2025-11-25") {
  gateway = await runGateway(configWith(server.url, rules));
  return openLegacy(`${gateway.url}/mcp/x`, { capabilities, revision });
}

const calls = (): number => server.requests.filter(({ method }) => method === "tools/call").length;
const exchange = async () =>
  (await gateway.records()).filter(({ method }) => method === "tools/call");

test.each(["2025-06-18", "2025-11-25"])(
  "one of %s is asked, and the call sent",
  async (revision) => {
    const { call } = await open(large, elicits, revision);
    const [question, end] = await call("send", accepts);
    expect(question?.method).toBe("elicitation/create");
    expect(question?.params?.message).toContain('Arguments: {"amount":500}');
    expect(question?.params?.mode).toBe(revision === "2025-11-25" ? "form" : undefined);
    expect(end?.result?.content?.[0]?.text).toBe("done");
    expect(calls()).toBe(1);
    expect(await exchange()).toEqual([
      expect.objectContaining({
        decision: "allowed",
        approval: expect.objectContaining({ via: "client", by: "a" }),
      }),
    ]);
  },
);

test.each([
  ["declines", () => ({ result: { action: "decline" } })],
  ["cancels", () => ({ result: { action: "cancel" } })],
  ["answers an error", () => ({ error: { code: -1, message: "no" } })],
])("one that %s is refused", async (_, reply) => {
  const { call } = await open(large, elicits);
  const end = (await call("send", reply)).at(-1);
  expect(end?.error?.data).toMatchObject({ code: "APPROVAL_REFUSED" });
  expect(calls()).toBe(0);
  expect(await exchange()).toEqual([
    expect.objectContaining({
      decision: "denied",
      stage: "approve",
      code: "APPROVAL_REFUSED",
      approval: expect.objectContaining({ via: "client", by: "a" }),
    }),
  ]);
});

test("one that says nothing is refused when the question is over", async () => {
  const { call } = await open([{ ...large[0]!, ask: { expiresMs: 50 } }], elicits);
  const end = (await call("send", () => undefined)).at(-1);
  expect(end?.error?.data).toMatchObject({ code: "APPROVAL_REFUSED" });
  expect(calls()).toBe(0);
  const [record] = await exchange();
  expect(record).toMatchObject({ decision: "denied", stage: "approve", why: "Nobody answered" });
  expect(record?.["approval"]).not.toHaveProperty("by");
});

test("one whose approved call needs input is asked for both, each once", async () => {
  const { call } = await open([{ name: "chats", on: "x/chatty", then: "ask" }], elicits);
  const messages = await call("chatty", accepts);
  const asked = messages.flatMap(({ params }) => params?.message?.split("\n")[0] ?? []);
  expect(asked).toEqual(["This call needs your approval.", "Who?"]);
  expect(messages.at(-1)?.result?.content?.[0]?.text).toBe("done");
  expect(calls()).toBe(2);
});

test.each([
  ["cannot elicit", {}, "2025-11-25", undefined],
  ["knows no elicitation", elicits, "2025-03-26", undefined],
  ["takes no stream", elicits, "2025-11-25", "application/json"],
] as const)("one that %s is refused for an operator", async (_, capabilities, revision, accept) => {
  const { call } = await open(large, capabilities, revision);
  const [end] = await call("send", accepts, accept === undefined ? {} : { accept });
  if (end?.error?.data === undefined) expect(end).toBe("a refusal");
  expect(end?.error?.data).toMatchObject({ code: "APPROVAL_REQUIRED" });
  expect(calls()).toBe(0);
});

test("one whose call was approved is counted by its rates, once for the call", async () => {
  const rate = { burst: 1, perSecond: 0.001 };
  const dear = { name: "dear", on: "x/send", rate };
  const { call } = await open([...large, dear], elicits);
  expect((await call("send", accepts)).at(-1)?.result?.content?.[0]?.text).toBe("done");
  const messages = await call("send", accepts);
  expect(messages[0]?.params?.message).toContain("approval");
  expect(messages.at(-1)?.error?.data).toMatchObject({ code: "RATE_EXCEEDED" });
  expect(calls()).toBe(1);
});
