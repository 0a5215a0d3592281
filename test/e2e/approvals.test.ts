/** What a rule that asks a person does to a call, and what each way to cheat it comes to. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Said, callModern, configWith, large } from "./approvals-rig.ts";
import { type RunningGateway, runGateway, tokenB } from "./gateway.ts";
import { type PlainServer, startPlainServer } from "./plain-server.ts";

let server: PlainServer;
const gateways: RunningGateway[] = [];

beforeAll(async () => {
  server = await startPlainServer({ tools: {} }, ({ method, params }) => {
    if (method === "tools/list") {
      const inputSchema = { type: "object" };
      const tools = ["send", "other", "chatty"].map((name) => ({ name, inputSchema }));
      return { tools, ttlMs: 0, cacheScope: "public" };
    }
    if (params["name"] === "chatty" && params["inputResponses"] === undefined) {
      const elicitation = { mode: "form", message: "Who?", requestedSchema: schema };
      return {
        resultType: "input_required",
        inputRequests: { who: { method: "elicitation/create", params: elicitation } },
        requestState: "of the server",
      };
    }
    return { content: [{ type: "text", text: "done" }] };
  });
});
afterAll(() => server.close());
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
  server.requests.length = 0;
});

const schema = { type: "object", properties: { name: { type: "string" } } };
const chatty = [{ name: "chats", on: "x/chatty", then: "ask" as const }];

async function open(rules = large, more = {}): Promise<RunningGateway & { readonly mcp: string }> {
  const gateway = await runGateway(configWith(server.url, rules, more));
  gateways.push(gateway);
  return { ...gateway, mcp: `${gateway.url}/mcp/x` };
}

const sent = (): unknown[] =>
  server.requests
    .filter(({ method }) => method === "tools/call")
    .map(({ params }) => params["arguments"]);
const text = (said: Said): unknown => said.result?.content?.[0]?.text;

describe("a modern client that can elicit", () => {
  test("is asked before the call is sent, and then it is sent once as it was shown", async () => {
    const { mcp, records } = await open();
    const asked = await callModern(mcp);
    expect(sent()).toEqual([]);
    expect(asked.result?.["resultType"]).toBe("input_required");
    expect(asked.question).toContain('Tool: "send"');
    expect(asked.question).toContain('Server: "x"');
    expect(asked.question).toContain('Arguments: {"amount":500}');
    expect(asked.question).toContain("Why: More than 100");
    const done = await callModern(mcp, { state: asked.state, action: "accept" });
    expect(text(done)).toBe("done");
    expect(sent()).toEqual([{ amount: 500 }]);
    const params = server.requests.at(-1)?.params ?? {};
    expect(Object.keys(params)).not.toContain("requestState");
    expect(Object.keys(params)).not.toContain("inputResponses");

    const [first, second] = (await records()).filter(({ kind }) => kind === "exchange");
    expect(first).toMatchObject({
      decision: "asked",
      stage: "approve",
      rules: [{ name: "large", then: "ask", mode: "enforce" }],
      approval: { via: "client" },
    });
    const { id } = (first?.["approval"] ?? {}) as { id?: string };
    expect(first?.["approval"]).toEqual({ id, via: "client" });
    expect(second).toMatchObject({ decision: "allowed", approval: { id, via: "client", by: "a" } });
  });

  test("is not asked where the rule does not match", async () => {
    const { mcp } = await open();
    expect(text(await callModern(mcp, { args: { amount: 5 } }))).toBe("done");
  });

  test.each(["decline", "cancel"])("that says %s gets a refusal that holds", async (action) => {
    const { mcp, records } = await open();
    const { state } = await callModern(mcp);
    const refused = await callModern(mcp, { state, action });
    expect(refused.code).toBe("APPROVAL_REFUSED");
    expect((await callModern(mcp, { state, action: "accept" })).code).toBe("STATE_INVALID");
    expect(sent()).toEqual([]);
    const said = (await records()).find(({ code }) => code === "APPROVAL_REFUSED");
    expect(said).toMatchObject({ decision: "denied", stage: "approve", approval: { by: "a" } });
  });

  test("cannot use one yes twice", async () => {
    const { mcp } = await open();
    const { state } = await callModern(mcp);
    const both = await Promise.all([
      callModern(mcp, { state, action: "accept" }),
      callModern(mcp, { state, action: "accept" }),
    ]);
    expect(both.map(({ code }) => code).sort()).toEqual(["STATE_INVALID", undefined]);
    expect((await callModern(mcp, { state, action: "accept" })).code).toBe("STATE_INVALID");
    expect(sent()).toHaveLength(1);
  });

  test.each([
    ["another argument", { args: { amount: 501 } }],
    ["one argument more", { args: { amount: 500, note: "" } }],
    ["another tool", { name: "other" }],
  ])("cannot use a yes for %s", async (_, changed) => {
    const { mcp } = await open([{ name: "all", on: "x/*", then: "ask" }]);
    const { state } = await callModern(mcp);
    const tried = await callModern(mcp, { state, action: "accept", ...changed });
    expect(tried.code).toBe("STATE_INVALID");
    expect(sent()).toEqual([]);
  });

  test("cannot use the yes of another client", async () => {
    const { mcp } = await open();
    const { state } = await callModern(mcp);
    const tried = await callModern(mcp, { state, action: "accept", token: tokenB });
    expect(tried.code).toBe("STATE_INVALID");
    expect(sent()).toEqual([]);
  });

  test.each([
    ["nothing", {}],
    ["another word", { action: "yes" }],
    ["an answer without a state", { answers: {}, state: undefined, action: "accept" }],
  ])("that answers %s is asked again", async (_, retry) => {
    const { mcp } = await open();
    const { state } = await callModern(mcp);
    const again = await callModern(mcp, { state, ...retry });
    expect(again.question).toBeDefined();
    expect(again.state).not.toBe(state);
    expect(sent()).toEqual([]);
  });

  test("that answers too late is asked again", async () => {
    const { mcp } = await open([{ ...large[0]!, ask: { expiresMs: 1 } }]);
    const { state } = await callModern(mcp);
    const again = await callModern(mcp, { state, action: "accept" });
    expect(again.question).toBeDefined();
    expect(sent()).toEqual([]);
  });

  test("that spells the same arguments otherwise is asked again, with these bytes", async () => {
    const { mcp } = await open();
    const { state } = await callModern(mcp, { args: { amount: 500, to: "ada" } });
    const args = { to: "ada", amount: 500 };
    const again = await callModern(mcp, { state, action: "accept", args });
    expect(again.question).toContain('{"to":"ada","amount":500}');
    expect(sent()).toEqual([]);
  });

  test("cannot make up a state", async () => {
    const { mcp } = await open();
    const { state } = await callModern(mcp);
    for (const made of ["x", `${state}A`, state?.replace(/.$/, "")]) {
      const tried = await callModern(mcp, { state: made, action: "accept" });
      expect(tried.code).toBe("STATE_INVALID");
    }
    expect(sent()).toEqual([]);
  });

  test("is not shown a secret or a hidden character, and is told what is not shown", async () => {
    const { mcp } = await open();
    const key = "AKIA" + "IOSFODNN7EXAMPLZ";
    const args = { key, note: "a\u202Eb\u200B", long: "x".repeat(5_000) };
    const { question } = await callModern(mcp, { args });
    expect(question).not.toContain(key);
    expect(question).not.toMatch(/[\u202E\u200B]/);
    expect(question).toContain("NOT ALL IS SHOWN");
    expect(question?.length).toBeLessThan(2_000);
  });

  test("sees a denial before it is asked", async () => {
    const deny = { name: "never", on: "x/send", when: { args: { amount: 500 } }, then: "deny" };
    const { mcp } = await open([...large, deny as (typeof large)[number]]);
    expect((await callModern(mcp)).code).toBe("RULE_DENIED");
  });
});

describe("an approved call that then needs input of its own", () => {
  test("is not asked about again, and passes once", async () => {
    const { mcp, records } = await open(chatty);
    const name = "chatty";
    const asked = await callModern(mcp, { name });
    expect(asked.question).toContain('Tool: "chatty"');
    const upstream = await callModern(mcp, { name, state: asked.state, action: "accept" });
    expect(Object.keys(upstream.result?.["inputRequests"] as object)).toEqual(["who"]);
    const answers = { who: { action: "accept", content: { name: "Ada" } } };
    const retry = { name, state: upstream.state, answers };
    expect(text(await callModern(mcp, retry))).toBe("done");
    expect(server.requests.at(-1)?.params).toMatchObject({
      requestState: "of the server",
      inputResponses: answers,
    });
    expect((await callModern(mcp, retry)).code).toBe("STATE_INVALID");
    expect(sent()).toHaveLength(2);
    const signed = (await records()).flatMap(({ approval }) => approval ?? []);
    expect(new Set(signed.map((each) => (each as { id: string }).id)).size).toBe(1);
  });

  test("is taken up where the question came between, with the answers of that round", async () => {
    const rules = [
      {
        name: "late",
        on: "x/chatty",
        when: () => server.requests.some(({ params }) => params["name"] === "chatty"),
        then: "ask" as const,
      },
    ];
    const { mcp } = await open(rules);
    const name = "chatty";
    const first = await callModern(mcp, { name });
    expect(first.question).toBeUndefined();
    const answers = { who: { action: "accept", content: { name: "Ada" } } };
    const asked = await callModern(mcp, { name, state: first.state, answers });
    expect(asked.question).toBeDefined();
    const done = await callModern(mcp, { name, state: asked.state, action: "accept" });
    expect(text(done)).toBe("done");
    expect(server.requests.at(-1)?.params).toMatchObject({
      requestState: "of the server",
      inputResponses: answers,
    });
  });
});

test("a client that cannot elicit is refused, with the id of what waits", async () => {
  const { mcp, records } = await open();
  const refused = await callModern(mcp, { meta: {} });
  expect(refused.code).toBe("APPROVAL_REQUIRED");
  const id = refused.data?.["approvalId"];
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(sent()).toEqual([]);
  const [record] = (await records()).filter(({ kind }) => kind === "exchange");
  expect(record).toMatchObject({
    decision: "asked",
    code: "APPROVAL_REQUIRED",
    approval: { id, via: "operator" },
  });
});
