/** What a person approved is what is sent, and a yes whose call is not sent is not lost. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  type How,
  type Rules,
  type Said,
  callModern,
  configWith,
  elicits,
} from "./approvals-rig.ts";
import { type RunningGateway, runGateway } from "./gateway.ts";
import { type PlainServer, startPlainServer } from "./plain-server.ts";

let server: PlainServer;
let gateway: RunningGateway;

beforeAll(async () => {
  server = await startPlainServer({ tools: {} }, ({ method }) => {
    if (method !== "tools/list") return { content: [{ type: "text", text: "done" }] };
    const region = { type: "string", "x-mcp-header": "Region" };
    const inputSchema = { type: "object", properties: { region } };
    return { tools: [{ name: "send", inputSchema }], ttlMs: 0, cacheScope: "public" };
  });
});
afterAll(() => server.close());
afterEach(async () => {
  await gateway.close();
  server.requests.length = 0;
});

const ways = ["client", "operator"] as const;
const rate = { burst: 1, perSecond: 0.001 };

async function open(via: (typeof ways)[number], more: Rules = []): Promise<void> {
  const rules: Rules = [{ name: "signed", on: "x/*", then: "ask", ask: { via } }, ...more];
  gateway = await runGateway(configWith(server.url, rules));
}
const call = (how: How = {}): Promise<Said> => callModern(`${gateway.url}/mcp/x`, how);
/** Asks about a call and gets a yes; what a retry that uses it carries besides. */
async function approved(how: How = {}): Promise<How> {
  const asked = await call(how);
  const id = asked.data?.["approvalId"];
  if (id === undefined) return { state: asked.state, action: "accept" };
  const word = { decision: "approve", by: "ann", is: [] } as const;
  await gateway.operations.approvals.decide(String(id), word);
  return {};
}
const withMeta = (more: object): How => ({ meta: { ...elicits, ...more } });
const text = (said: Said): unknown => said.result?.content?.[0]?.text;
const isAsked = (said: Said): boolean =>
  said.question !== undefined || said.data?.["approvalId"] !== undefined;
const sent = () => server.requests.filter(({ method }) => method === "tools/call");

test.each(ways)("the %s's yes is for the _meta that was shown, and no other", async (via) => {
  await open(via);
  const given = withMeta({ "com.example/as": "ada", baggage: "tenant=1" });
  const yes = await approved(given);
  for (const other of [
    {},
    { "com.example/as": "root", baggage: "tenant=1" },
    { "com.example/as": "ada", baggage: "tenant=2" },
    { "com.example/as": "ada", baggage: "tenant=1", "com.example/dry": false },
  ]) {
    expect(isAsked(await call({ ...yes, ...withMeta(other) }))).toBe(true);
  }
  expect(sent()).toEqual([]);
  expect(text(await call({ ...yes, ...given }))).toBe("done");
  expect(sent()[0]?.params["_meta"]).toMatchObject({ "com.example/as": "ada" });
});

test.each(ways)("the %s's yes is for each attempt, whatever its trace and token", async (via) => {
  await open(via);
  const yes = await approved(withMeta({ traceparent: "one", progressToken: 1 }));
  const retry = withMeta({ traceparent: "two", tracestate: "a=b", progressToken: 2 });
  expect(text(await call({ ...yes, ...retry }))).toBe("done");
});

test("the person before the client sees what is in _meta, without what the gateway writes", async () => {
  await open("client");
  const meta = { ...withMeta({ "com.example/as": "r\u202Eoot", progressToken: 1 }) };
  const { question } = await call(meta);
  expect(question).toContain('Sent with them: {"_meta":{"com.example/as":"r<U+202E>oot"}}');
  expect((await call()).question).not.toContain("Sent with them");
});

test("an operator sees what is in _meta, and other parameters", async () => {
  await open("operator");
  await call(withMeta({ "com.example/as": "root" }));
  const [waiting] = await gateway.operations.approvals.list();
  expect(waiting?.more).toBe('{"_meta":{"com.example/as":"root"}}');
});

test.each(ways)("a header that the tool does not know gets no yes of the %s", async (via) => {
  await open(via);
  const args = { region: "eu" };
  const mirrored = { args, headers: { "mcp-param-region": "eu" } };
  const stray = { args, headers: { "mcp-param-region": "eu", "mcp-param-tenant": "b" } };
  expect((await call(stray)).code).toBe("HEADER_MISMATCH");
  const yes = await approved(mirrored);
  expect((await call({ ...yes, ...stray })).code).toBe("HEADER_MISMATCH");
  const [record] = (await gateway.records()).filter(({ code }) => code === "HEADER_MISMATCH");
  expect(record).toMatchObject({ decision: "denied", stage: "approve" });
  expect(sent()).toEqual([]);
  // It was not used up.
  expect(text(await call({ ...yes, ...mirrored }))).toBe("done");
});

test("a header that the tool does not know goes on where nobody is asked", async () => {
  gateway = await runGateway(configWith(server.url, []));
  expect(text(await call({ headers: { "mcp-param-tenant": "b" } }))).toBe("done");
});

test.each(ways)("a rate that refuses a call leaves the %s's yes as it was", async (via) => {
  await open(via, [{ name: "dear", on: "x/send", rate: { burst: 1, perSecond: 0.5 } }]);
  const [one, two] = [
    { args: { amount: 1 }, ...(await approved({ args: { amount: 1 } })) },
    { args: { amount: 2 }, ...(await approved({ args: { amount: 2 } })) },
  ];
  expect(text(await call(one))).toBe("done");
  expect((await call(two)).code).toBe("RATE_EXCEEDED");
  const refused = (await gateway.records()).findLast(({ code }) => code === "RATE_EXCEEDED");
  expect(refused?.["approval"]).toEqual({
    id: expect.any(String) as string,
    via,
    by: via === "client" ? "a" : "ann",
  });
  const patience = { interval: 100, timeout: 10_000 };
  await expect.poll(async () => text(await call(two)), patience).toBe("done");
  expect(sent().map(({ params }) => params["arguments"])).toEqual([{ amount: 1 }, { amount: 2 }]);
  // Given back is not given twice.
  const again = await call(two);
  expect(again.code ?? again.question).toBe(
    via === "client" ? "STATE_INVALID" : "APPROVAL_REQUIRED",
  );
});

test.each(ways)("many at once that a rate refuses send one with one yes of the %s", async (via) => {
  await open(via, [{ name: "dear", on: "x/send", rate }]);
  const yes = await approved();
  await Promise.all(Array.from({ length: 12 }, () => call(yes)));
  expect(sent()).toHaveLength(1);
});
