import { afterEach, expect, test } from "vitest";
import { textOf } from "../../src/mcp/index.ts";
import {
  type Answerer,
  error,
  legacy,
  modern,
  result,
  sendEvents,
  sendJson,
  startFake,
} from "./fake-server.ts";
import {
  type Opened,
  callTool,
  caller,
  ask,
  collect,
  createFakeClock,
  eventually,
  keysOf,
  never,
  open,
} from "./harness.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A modern server with these tools; further members of the list result may be given. */
async function startLists(tools: () => string, more = () => "") {
  const clock = createFakeClock();
  const answer: Answerer = ({ id, method }, response) => {
    if (method === "tools/list") sendJson(response, result(id, `{"tools":[${tools()}]${more()}}`));
    else sendJson(response, result(id, '{"content":[]}'));
  };
  const server = await startFake(modern(answer));
  const upstreams: Opened = open({ it: { url: server.url } }, { clock });
  closers.push(upstreams.close, server.close);
  const lists = () => server.methods().filter((method) => method === "tools/list").length;
  return { clock, server, upstreams, it: upstreams.the("it"), lists };
}

const tool = (name: string, more = "") =>
  `{"name":${JSON.stringify(name)},"inputSchema":{"type":"object"}${more}}`;

test("a list is read to its last page and kept for a minute", async () => {
  let cursor = 0;
  const { it, clock, server, lists, upstreams } = await startLists(
    () => tool(`t${++cursor}`),
    () => (cursor % 3 === 0 ? "" : `,"nextCursor":"c/${cursor}"`),
  );
  expect(await keysOf(it, "tools")).toEqual(["t1", "t2", "t3"]);
  expect(JSON.parse(server.asked.at(-1)!.params)).toMatchObject({ cursor: "c/2" });
  expect(await keysOf(it, "tools")).toEqual(["t1", "t2", "t3"]);
  expect(lists()).toBe(3);
  expect(upstreams.status()[0]?.tools).toBe(3);
  await clock.advance(61_000);
  expect(await keysOf(it, "tools")).toEqual(["t4", "t5", "t6"]);
});

test("a list is kept no longer than its upstream says", async () => {
  const { it, clock, lists } = await startLists(
    () => tool("t"),
    () => ',"ttlMs":5000,"cacheScope":"public"',
  );
  await keysOf(it, "tools");
  await clock.advance(4_000);
  await keysOf(it, "tools");
  expect(lists()).toBe(1);
  await clock.advance(2_000);
  await keysOf(it, "tools");
  expect(lists()).toBe(2);
});

test("an upstream that says ten hours gets a minute", async () => {
  const { it, clock, lists } = await startLists(
    () => tool("t"),
    () => ',"ttlMs":36000000',
  );
  await keysOf(it, "tools");
  await clock.advance(61_000);
  await keysOf(it, "tools");
  expect(lists()).toBe(2);
});

test("clients that list at once cause one request", async () => {
  const { it, lists } = await startLists(() => tool("t"));
  await Promise.all(Array.from({ length: 10 }, () => keysOf(it, "tools")));
  expect(lists()).toBe(1);
});

test("a changed list is read again", async () => {
  const changed = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';
  const server = await startFake(
    modern(({ id, method }, response) => {
      if (method === "tools/list") sendJson(response, result(id, `{"tools":[${tool("t")}]}`));
      else sendEvents(response, changed, result(id, '{"content":[]}'));
    }),
  );
  const upstreams = open({ it: { url: server.url } });
  closers.push(upstreams.close, server.close);
  const it = upstreams.the("it");
  await keysOf(it, "tools");
  expect(await collect(it, callTool("t"))).toHaveLength(1);
  await keysOf(it, "tools");
  expect(server.methods().filter((method) => method === "tools/list")).toHaveLength(2);
});

test("a list that changes while it is read is not kept", async () => {
  const changed = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';
  const server = await startFake(
    modern(({ id }, response) =>
      sendEvents(response, changed, result(id, `{"tools":[${tool("t")}]}`)),
    ),
  );
  const upstreams = open({ it: { url: server.url } });
  closers.push(upstreams.close, server.close);
  for (let i = 0; i < 2; i++) expect(await keysOf(upstreams.the("it"), "tools")).toEqual(["t"]);
  expect(server.methods().filter((method) => method === "tools/list")).toHaveLength(2);
});

test("an endless list is cut at 100 pages", async () => {
  let page = 0;
  const { it, lists, upstreams } = await startLists(
    () => tool(`t${++page}`),
    () => `,"nextCursor":"${page}"`,
  );
  expect(await keysOf(it, "tools")).toHaveLength(100);
  expect(lists()).toBe(100);
  expect(upstreams.logged.join()).toContain("longer than the gateway reads");
});

test("a list whose cursor does not move is cut", async () => {
  const { it, lists } = await startLists(
    () => tool("t"),
    () => ',"nextCursor":"same"',
  );
  await keysOf(it, "tools");
  expect(lists()).toBeLessThanOrEqual(2);
});

test("unusable items are dropped, logged once each, and the rest stays", async () => {
  const bad = [
    "7",
    '{"inputSchema":{}}',
    tool(""),
    '{"name":7,"inputSchema":{}}',
    tool("tw\u0456n"),
    tool("zero\u200bwidth"),
    tool("line\nbreak"),
    tool("x".repeat(1_025)),
    tool("twice"),
    tool("twice", ',"title":"other"'),
    '{"name":"no-schema"}',
    '{"name":"bad-schema","inputSchema":[]}',
    '{"name":"bad-header","inputSchema":{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A\\r\\nB"}}}}',
  ];
  const { it, upstreams, clock } = await startLists(() =>
    [...bad, tool("good"), tool("Good")].join(),
  );
  expect(await keysOf(it, "tools")).toEqual(["good", "Good"]);
  await clock.advance(61_000);
  const dropped = () => upstreams.logged.filter((line) => line.includes("is dropped")).length;
  const once = dropped();
  expect(once).toBeGreaterThan(8);
  expect(once).toBeLessThan(14);
  expect(upstreams.logged.join()).not.toContain("\n");
});

test("icons that are no web address and no inline image are taken off, and nothing else changes", async () => {
  const icons = [
    '{"src":"https://a.example/i.png","x":1.0}',
    '{"src":"javascript:alert(1)"}',
    '{"src":" javascript:alert(1)"}',
    '{"src":"file:///etc/passwd"}',
    '{"src":"data:text/html,x"}',
    '{"src":"data:image/png;base64,AA=="}',
    '{"sizes":["1x1"]}',
  ];
  const { it } = await startLists(() => tool("t", `, "icons":[${icons.join()}], "y":1e400`));
  const listing = await it.list("tools", caller(), never);
  if ("kind" in listing) throw new Error(listing.why);
  expect(listing.items.map(({ json }) => textOf(json))).toEqual([
    tool("t", `, "icons":[${[icons[0], icons[5]].join()}], "y":1e400`),
  ]);
});

test("a tool has its definition, headers and a validator that is made once", async () => {
  const schema =
    '{"type":"object","properties":{"r":{"type":"string","x-mcp-header":"Region"}},"required":["r"]}';
  const { it } = await startLists(() => `{"name":"t","inputSchema":${schema}}`);
  const found = await it.tool("t", caller(), never);
  if (found === undefined || "kind" in found) throw new Error("no tool");
  expect(found.headers).toEqual([{ header: "mcp-param-region", path: ["r"], type: "string" }]);
  const validator = found.validator();
  expect(found.validator()).toBe(validator);
  if ("fault" in validator) throw new Error(validator.fault);
  expect(validator.validate({ r: "eu" })).toEqual([]);
  expect(validator.validate({})).toHaveLength(1);
});

test("an unknown tool is looked for again, at most every five seconds", async () => {
  let tools = tool("a");
  const { it, clock, lists } = await startLists(
    () => tools,
    () => ',"ttlMs":0',
  );
  expect(await it.tool("b", caller(), never)).toBeUndefined();
  expect(lists()).toBe(1);
  tools += `,${tool("b")}`;
  expect(await it.tool("b", caller(), never)).toMatchObject({ headers: [] });
  expect(lists()).toBe(2);
  for (let i = 0; i < 5; i++) expect(await it.tool("c", caller(), never)).toBeUndefined();
  expect(lists()).toBe(2);
  await clock.advance(5_000);
  expect(await it.tool("c", caller(), never)).toBeUndefined();
  expect(lists()).toBe(3);
});

test("a server without the capability, or without the method, has empty lists", async () => {
  const server = await startFake(({ id, method }, response) => {
    const discovery = '{"supportedVersions":["2026-07-28"],"capabilities":{"prompts":{}}}';
    if (method === "server/discover") sendJson(response, result(id, discovery));
    else sendJson(response, error(id, -32601), 404);
  });
  const upstreams = open({ it: { url: server.url } });
  closers.push(upstreams.close, server.close);
  expect(await keysOf(upstreams.the("it"), "tools")).toEqual([]);
  expect(await keysOf(upstreams.the("it"), "prompts")).toEqual([]);
  expect(server.methods()).toEqual(["server/discover", "prompts/list"]);
});

test("a list that fails is a failure for five seconds, and is then asked for again", async () => {
  let broken = true;
  const clock = createFakeClock();
  const server = await startFake(
    modern(({ id }, response) => {
      if (broken) sendJson(response, error(id, -32603));
      else sendJson(response, result(id, `{"tools":[${tool("t")}]}`));
    }),
  );
  const upstreams = open({ it: { url: server.url } }, { clock });
  closers.push(upstreams.close, server.close);
  const it = upstreams.the("it");
  expect(await keysOf(it, "tools")).toBe("UPSTREAM_INVALID");
  broken = false;
  await clock.advance(4_000);
  expect(await keysOf(it, "tools")).toBe("UPSTREAM_INVALID");
  expect(await it.tool("t", caller(), never)).toMatchObject({ code: "UPSTREAM_INVALID" });
  expect(server.methods().filter((method) => method === "tools/list")).toHaveLength(1);
  await clock.advance(1_500);
  expect(await keysOf(it, "tools")).toEqual(["t"]);
});

test("an upstream that is not there is dialled once in five seconds, whoever lists it", async () => {
  const clock = createFakeClock();
  const server = await startFake((_, response) => response.writeHead(503).end());
  const upstreams = open({ it: { url: server.url } }, { clock });
  closers.push(upstreams.close, server.close);
  for (const name of ["a", "b"]) {
    expect(await upstreams.the("it").list("tools", caller(name), never)).toMatchObject({
      code: "UPSTREAM_UNAVAILABLE",
    });
  }
  expect(server.asked).toHaveLength(1);
  await clock.advance(5_500);
  await keysOf(upstreams.the("it"), "tools");
  expect(server.asked).toHaveLength(2);
});

test("an old list stands in for ten minutes where its upstream fails", async () => {
  let broken = false;
  const clock = createFakeClock();
  const server = await startFake(
    modern(({ id }, response) => {
      if (broken) response.writeHead(500).end();
      else sendJson(response, result(id, `{"tools":[${tool("t")}]}`));
    }),
  );
  const upstreams = open({ it: { url: server.url } }, { clock });
  closers.push(upstreams.close, server.close);
  const it = upstreams.the("it");
  await keysOf(it, "tools");
  broken = true;
  for (let i = 0; i < 9; i++) {
    await clock.advance(61_000);
    expect(await keysOf(it, "tools")).toEqual(["t"]);
    expect(await it.tool("t", caller(), never)).toMatchObject({ headers: [] });
  }
  await clock.advance(61_000);
  expect(await keysOf(it, "tools")).toBe("UPSTREAM_UNAVAILABLE");
});

test("an old list stands in after five seconds where its upstream hangs, and the new one follows", async () => {
  let release: (() => void) | undefined;
  let name = "old";
  const clock = createFakeClock();
  const server = await startFake(
    modern(({ id }, response) => {
      const answer = () => sendJson(response, result(id, `{"tools":[${tool(name)}]}`));
      if (name === "old") answer();
      else release = answer;
    }),
  );
  const upstreams = open({ it: { url: server.url } }, { clock });
  closers.push(upstreams.close, server.close);
  const it = upstreams.the("it");
  await keysOf(it, "tools");
  name = "new";
  await clock.advance(61_000);
  const waiting = keysOf(it, "tools");
  await eventually(() => release !== undefined);
  await clock.advance(5_000);
  expect(await waiting).toEqual(["old"]);
  expect(await keysOf(it, "tools")).toEqual(["old"]);
  release?.();
  await eventually(() => server.busy() === 0);
  expect(await keysOf(it, "tools")).toEqual(["new"]);
});

test("a modern upstream over HTTP is asked for one list for all, even if it says private", async () => {
  const { it, lists } = await startLists(
    () => tool("t"),
    () => ',"ttlMs":60000,"cacheScope":"private"',
  );
  for (const name of ["a", "b"]) await it.list("tools", caller(name), never);
  expect(lists()).toBe(1);
});

test("a legacy upstream's lists are read for each client and subject, and emptied for one alone", async () => {
  let sessions = 0;
  const changed = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';
  const server = await startFake(
    legacy(({ id, method, headers }, response) => {
      const name = String(headers["mcp-session-id"]);
      if (method === "tools/list") sendJson(response, result(id, `{"tools":[${tool(name)}]}`));
      else sendEvents(response, changed, result(id, '{"content":[]}'));
    }, anySession),
  );
  function anySession(sent: string | undefined) {
    return sent ?? `s-${++sessions}`;
  }
  const upstreams = open({ it: { url: server.url } });
  closers.push(upstreams.close, server.close);
  const it = upstreams.the("it");
  const callers = [caller("a"), caller("b"), caller("a", {}, "x"), caller("a", {}, "y")];
  const listed = async () => {
    const seen: string[] = [];
    for (const each of callers) {
      const listing = await it.list("tools", each, never);
      seen.push("kind" in listing ? listing.code : listing.items.map(({ key }) => key).join());
    }
    return seen;
  };
  const lists = () => server.methods().filter((method) => method === "tools/list").length;
  expect(await listed()).toEqual(["s-1", "s-2", "s-3", "s-4"]);
  await listed();
  expect(lists()).toBe(4);
  await collect(it, callTool("t", "{}", callers[1]));
  expect(await listed()).toEqual(["s-1", "s-2", "s-3", "s-4"]);
  expect(lists()).toBe(5);
});

test("callers that wait together while the era changes never get each other's list", async () => {
  let era: "modern" | "legacy" = "modern";
  let sessions = 0;
  let release: (() => void) | undefined;
  const clock = createFakeClock();
  const listed: Answerer = ({ id, headers }, response) => {
    const name = String(headers["mcp-session-id"] ?? "shared");
    sendJson(response, result(id, `{"tools":[${tool(name)}],"ttlMs":0}`));
  };
  const old = legacy(listed, (sent) => sent ?? `s-${++sessions}`);
  const server = await startFake((asked, response) => {
    if (asked.method === "tools/list" && era === "modern" && release === undefined) {
      release = () => response.writeHead(400).end();
    } else (era === "modern" ? modern(listed) : old)(asked, response);
  });
  const upstreams = open({ it: { url: server.url } }, { clock });
  closers.push(upstreams.close, server.close);
  const it = upstreams.the("it");
  await it.discover(caller("a"), never);
  const both = ["a", "b"].map((name) => it.list("tools", caller(name), never));
  await eventually(() => release !== undefined);
  era = "legacy";
  release?.();
  const keys = (await Promise.all(both)).map((listing) =>
    "kind" in listing ? listing.code : listing.items.map(({ key }) => key).join(),
  );
  expect(keys).toEqual(["s-1", "s-2"]);
});

const numbers = (count: number) => Array.from({ length: count }, () => "0").join();

test("an item that is too large is dropped and logged once, and the rest stays", async () => {
  const { it, upstreams, clock } = await startLists(() =>
    [
      tool("long", `,"description":"${"x".repeat(70_000)}"`),
      tool("wide", `,"x":[${numbers(10_001)}]`),
      tool("just", `,"x":[${numbers(9_000)}]`),
      tool("good"),
    ].join(),
  );
  for (let i = 0; i < 2; i++) expect(await keysOf(it, "tools")).toEqual(["just", "good"]);
  await clock.advance(1_000);
  expect(upstreams.logged.filter((line) => line.includes("is dropped"))).toHaveLength(2);
});

test.each([
  ["longer than 4 MB", `"description":"${"x".repeat(60_000)}"`, 69],
  ["of more than 200,000 values", `"x":[${numbers(9_990)}]`, 20],
])("a list %s is cut", async (_, more, kept) => {
  const { it, upstreams } = await startLists(() =>
    Array.from({ length: 90 }, (_, i) => tool(`t${i}`, `,${more}`)).join(),
  );
  const keys = await keysOf(it, "tools");
  expect(keys).toHaveLength(kept);
  expect(upstreams.logged.join()).toContain("larger than the gateway keeps");
});

test("a caller that leaves does not end the list that others wait for", async () => {
  let release = () => {};
  const server = await startFake(
    modern(({ id }, response) => {
      release = () => sendJson(response, result(id, `{"tools":[${tool("t")}]}`));
    }),
  );
  const upstreams = open({ it: { url: server.url } });
  closers.push(upstreams.close, server.close);
  const it = upstreams.the("it");
  const gone = new AbortController();
  const first = it.list("tools", caller(), gone.signal);
  const second = keysOf(it, "tools");
  while (!server.methods().includes("tools/list")) await new Promise((r) => setTimeout(r, 5));
  gone.abort();
  expect(await first).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  release();
  expect(await second).toEqual(["t"]);
});

test("cacheable results leave private and for a minute at most", async () => {
  const { it } = await startLists(() => tool("t"));
  const read = { ...callTool("t"), method: "resources/read" };
  const last = await ask(it, read);
  if (last.kind !== "result") throw new Error(last.kind);
  expect(textOf(last.result)).toBe(
    '{"content":[],"resultType":"complete","cacheScope":"private","ttlMs":0}',
  );
});
