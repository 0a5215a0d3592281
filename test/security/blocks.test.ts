/** The kill switch (P6): what is blocked is unknown on every road, and the record says why. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Block } from "../../src/core/index.ts";
import { methods } from "../../src/mcp/index.ts";
import {
  allowAll,
  authA,
  authB,
  modernRequest,
  post,
  runGateway,
  tokenA,
  tokenB,
} from "../e2e/gateway.ts";
import type { RunningGateway } from "../e2e/gateway.ts";
import {
  closeLater,
  closeRigs,
  discovery,
  exchangesOf,
  listText,
  openServer,
  openSession,
  reply,
  toolText,
  withoutIds,
} from "./rig.ts";

type Params = Readonly<Record<string, unknown>>;
type Criterion = Partial<Pick<Block, "target" | "client">>;

const secret = "instructions of the blocked one";
const knowsTasks = {
  "io.modelcontextprotocol/clientCapabilities": {
    extensions: { "io.modelcontextprotocol/tasks": {} },
  },
};
let x: Awaited<ReturnType<typeof openServer>>;
let gateway: RunningGateway;
/** Of client `a`, whom nothing keeps from anything yet. */
let task: string;

beforeAll(async () => {
  const task1 = '{"resultType":"task","taskId":"t1","status":"working","ttlMs":60000}';
  x = await openServer({
    "server/discover": reply(
      discovery(`,"instructions":"${secret}"`).replace(
        '"completions":{}',
        '"completions":{},"extensions":{"io.modelcontextprotocol/tasks":{}}',
      ),
    ),
    "tools/list": reply(listText("tools", [toolText("t"), toolText("other"), toolText("long")])),
    "prompts/list": reply(listText("prompts", ['{"name":"t"}', '{"name":"other"}'])),
    "resources/list": reply(
      listText("resources", ['{"uri":"db://t/1","name":"t"}', '{"uri":"db://o/1","name":"o"}']),
    ),
    "resources/templates/list": reply(
      listText("resourceTemplates", [
        '{"uriTemplate":"db://t/{id}","name":"t"}',
        '{"uriTemplate":"db://o/{id}","name":"o"}',
      ]),
    ),
    "tools/call": (asked, response) =>
      asked.params.includes('"long"')
        ? reply(task1)(asked, response)
        : reply('{"content":[],"resultType":"complete"}')(asked, response),
  });
  const y = await openServer({ "tools/list": reply(listText("tools", [toolText("u")])) });
  const rate = { burst: 10_000, perSecond: 1_000 };
  gateway = await runGateway({
    upstreams: { x: { url: x.url }, y: { url: y.url } },
    clients: {
      a: { auth: authA, allow: allowAll, rate },
      b: { auth: authB, allow: allowAll, rate },
    },
  });
  closeLater(gateway.close);
  const made = await ask("tools/call", { name: "x__long", arguments: {} });
  task = String(made.json().result?.["taskId"]);
  expect(made.json().result).toMatchObject({ resultType: "task" });
});
afterAll(closeRigs);
afterEach(async () => {
  for (const { id } of gateway.blocks.list()) await gateway.blocks.remove(id);
});

const block = (what: Criterion) => gateway.blocks.add({ ...what, why: "an incident", by: "ops" });
const ask = (method: string, params: Params = {}, path = "/mcp", token?: string) =>
  post(
    gateway.url + path,
    modernRequest(method, params, {
      meta: knowsTasks,
      headers: typeof params["taskId"] === "string" ? { "mcp-name": params["taskId"] } : {},
    }),
    token,
  );
const lastRecord = async () => (await exchangesOf(gateway)).at(-1);
const called = (name: string) => ({ name, arguments: {} });
const completing = (ref: object) => ({ ref, argument: { name: "id", value: "1" } });

/** Each request about one thing, and the same about a thing of an upstream that is not there. */
const asking: readonly (readonly [method: string, blocked: () => Params, unknown: Params])[] = [
  ["tools/call", () => called("x__t"), called("nowhere__t")],
  ["prompts/get", () => called("x__t"), called("nowhere__t")],
  ["resources/read", () => ({ uri: "x+db://t/1" }), { uri: "nowhere+db://t/1" }],
  [
    "completion/complete",
    () => completing({ type: "ref/prompt", name: "x__t" }),
    completing({ type: "ref/prompt", name: "nowhere__t" }),
  ],
  [
    "completion/complete",
    () => completing({ type: "ref/resource", uri: "x+db://t/{id}" }),
    completing({ type: "ref/resource", uri: "nowhere+db://t/{id}" }),
  ],
  ["tasks/get", () => ({ taskId: task }), { taskId: "unknown" }],
  ["tasks/update", () => ({ taskId: task }), { taskId: "unknown" }],
  ["tasks/cancel", () => ({ taskId: task }), { taskId: "unknown" }],
  ["resources/subscribe", () => ({ uri: "x+db://t/1" }), { uri: "nowhere+db://t/1" }],
  ["resources/unsubscribe", () => ({ uri: "x+db://t/1" }), { uri: "nowhere+db://t/1" }],
];
const listing = [
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "server/discover",
  "initialize",
  "subscriptions/listen",
] as const;

test("Every method that an upstream has a part in is asked here", () => {
  const asked = new Set<string>([...asking.map(([method]) => method), ...listing]);
  const left = [...methods].filter(([name]) => !asked.has(name)).map(([name]) => name);
  expect(left.toSorted()).toEqual([
    "logging/setLevel",
    "notifications/cancelled",
    "notifications/initialized",
    "notifications/progress",
    "notifications/roots/list_changed",
    "ping",
  ]);
});

describe.each<readonly [string, readonly Criterion[]]>([
  [
    "one target each",
    [{ target: "x/t" }, { target: "x/db://t/*" }, { target: "x/long", client: "a" }],
  ],
  ["an upstream", [{ target: "x/*" }]],
  ["a client", [{ client: "a" }]],
  ["everything", [{}]],
])("With %s blocked", (_, criteria) => {
  test.each(asking)("%s answers word for word as for what is unknown", async (method, of, none) => {
    const isLegacy = method.endsWith("subscribe");
    const send = isLegacy ? await openSession(`${gateway.url}/mcp`) : ask;
    for (const criterion of criteria) await block(criterion);
    const before = x.asked.length;
    const blocked = await send(method, of());
    expect(x.asked.slice(before)).toEqual([]);
    expect(await lastRecord()).toMatchObject({ decision: "denied", code: "BLOCKED" });
    for (const { id } of gateway.blocks.list()) await gateway.blocks.remove(id);
    const unknown = await send(method, none);
    expect((await lastRecord())?.["code"]).toBe("TARGET_UNKNOWN");
    expect([blocked.status, withoutIds(blocked.text)]).toEqual([
      unknown.status,
      withoutIds(unknown.text),
    ]);
    expect(blocked.text).not.toMatch(/block|incident/i);
  });

  test("tools/call in a session answers as for what is unknown", async () => {
    const send = await openSession(`${gateway.url}/mcp`);
    for (const criterion of criteria) await block(criterion);
    for (const [method, of, none] of asking.filter(([name]) => /call|get$|read/.test(name))) {
      if (method.startsWith("tasks")) continue;
      const [blocked, unknown] = [await send(method, of()), await send(method, none)];
      expect(withoutIds(blocked.text)).toBe(withoutIds(unknown.text));
    }
  });
});

describe("What is listed", () => {
  const lists = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];

  test("leaves out what is blocked, from the next answer on, for whom it is blocked", async () => {
    await block({ target: "x/t", client: "a" });
    await block({ target: "x/db://t/*", client: "a" });
    for (const method of lists) {
      const [of, others] = [await ask(method), await ask(method, {}, "/mcp", tokenB)];
      expect(of.text).not.toMatch(/x__t"|db:\/\/t/);
      expect(of.text).toMatch(/x__other|db:\/\/o/);
      expect(others.text).toMatch(/x__t"|db:\/\/t/);
    }
  });

  test("and what the gateway says of itself show nothing of an upstream that is blocked", async () => {
    const seen = async (): Promise<string> => {
      const texts = [];
      for (const method of [...lists, "server/discover"]) texts.push((await ask(method)).text);
      const clientInfo = { name: "test", version: "1" };
      const greeting = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
      const headers = {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      };
      const body = { jsonrpc: "2.0", id: 1, method: "initialize", params: greeting };
      const opened = await post(`${gateway.url}/mcp`, { headers, body: JSON.stringify(body) });
      return [...texts, opened.text].join("\n");
    };
    expect((await seen()).split(secret)).toHaveLength(3);
    for (const criterion of [{ target: "x/*" }, { client: "a" }, {}]) {
      const { id } = await block(criterion);
      expect(await seen()).not.toMatch(/instructions|x__|x\+|db:/);
      await gateway.blocks.remove(id);
    }
  });
});

test("The endpoint of a blocked upstream is as one that was never there", async () => {
  await block({ target: "x/*", client: "a" });
  for (const method of ["tools/list", "server/discover"]) {
    const blocked = await ask(method, {}, "/mcp/x");
    expect(await lastRecord()).toMatchObject({ code: "BLOCKED" });
    const unknown = await ask(method, {}, "/mcp/nowhere");
    expect([blocked.status, withoutIds(blocked.text)]).toEqual([
      unknown.status,
      withoutIds(unknown.text),
    ]);
    expect((await ask(method, {}, "/mcp/x", tokenB)).status).toBe(200);
  }
});

test("A subscription is agreed to without what is blocked", async () => {
  await block({ target: "x/db://t/*" });
  const request = modernRequest("subscriptions/listen", {
    notifications: { resourceSubscriptions: ["x+db://t/1", "x+db://o/1", "nowhere+db://t/1"] },
  });
  const gone = new AbortController();
  const response = await fetch(`${gateway.url}/mcp`, {
    method: "POST",
    headers: { authorization: `Bearer ${tokenA}`, ...request.headers },
    body: request.body,
    signal: gone.signal,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("acknowledged")) text += (await reader?.read())?.value ?? "";
  expect(text).toContain('"resourceSubscriptions":["x+db://o/1"]');
  gone.abort();
});
