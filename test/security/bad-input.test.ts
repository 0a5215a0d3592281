import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { allowAll, authA, modernRequest, tokenA } from "../e2e/gateway.ts";
import { createFakeClock } from "../http/fakes.ts";
import { openRaw, problemOf, sendRaw, statusOf } from "../runtime/raw.ts";
import {
  error,
  legacy,
  result,
  sendEvents,
  sendJson,
  startEvents,
} from "../upstreams/fake-server.ts";
import {
  type Rig,
  type Session,
  answerText,
  closeRigs,
  listText,
  headText,
  okText,
  openCall,
  openInside,
  openRig,
  openSession,
  reply,
  toolText,
} from "./rig.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
}
/** What is sent, and what has to come back: HTTP status, JSON-RPC number, code. */
type Row = readonly [title: string, send: () => Promise<Answer>, expected: Expected];
type Expected = readonly [status: number, number: number, code: string];

let rig: Rig;
let session: Session;
beforeEach(() => {
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
});
afterEach(() => vi.restoreAllMocks());
beforeAll(async () => {
  rig = await openRig(
    { "tools/list": reply(listText("tools", [toolText("t"), toolText("u")])) },
    { client: { rate: { burst: 1_000_000 }, maxConcurrent: 2, maxRequestBytes: 1_000_000 } },
  );
  session = await openSession(`${rig.gateway.url}/mcp/x`);
});
afterAll(closeRigs);

const plain = modernRequest("tools/call", { name: "t", arguments: {} });
const portOf = ({ gateway }: Rig): number => Number(new URL(gateway.url).port);

async function send(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = plain.headers,
): Promise<Answer> {
  const response = await fetch(`${rig.gateway.url}/mcp/x`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${tokenA}` },
    body,
  });
  return { status: response.status, text: await response.text() };
}
const ask: Rig["ask"] = (...args) => rig.ask(...args);
const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === "string" ? [...Buffer.from(part)] : part)),
  );

const notJson: Expected = [400, -32700, "MESSAGE_MALFORMED"];
const notRead: Expected = [400, -32600, "MESSAGE_MALFORMED"];
const withArgs = (args: string): string =>
  plain.body.replace('"arguments":{}', `"arguments":${args}`);
const nested = (open: string, close: string): string => open.repeat(10_000) + close.repeat(10_000);

const malformed: readonly (readonly [string, string | Uint8Array<ArrayBuffer>, Expected])[] = [
  ["no JSON: nothing", "", notJson],
  ["no JSON: white space", " \n", notJson],
  ["no JSON: an open brace", "{", notJson],
  ["no JSON: cut short", plain.body.slice(0, -1), notJson],
  ["no JSON: a word", "hello", notJson],
  ["no JSON: a form", "jsonrpc=2.0&id=1", notJson],
  ["no JSON: a comma too many", plain.body.replace(/\}$/, ",}"), notJson],
  ["no JSON: single quotes", plain.body.replaceAll('"', "'"), notJson],
  ["no JSON: a comment", `/* */${plain.body}`, notJson],
  ["no JSON: a line comment", `${plain.body}// `, notJson],
  ["no JSON: NaN", withArgs('{"a":NaN}'), notJson],
  ["no JSON: Infinity", withArgs('{"a":-Infinity}'), notJson],
  ["no JSON: a plus", withArgs('{"a":+1}'), notJson],
  ["no JSON: a leading zero", withArgs('{"a":01}'), notJson],
  ["no JSON: hex", withArgs('{"a":0x1}'), notJson],
  ["no JSON: a raw line break in a string", withArgs('{"a":"\n"}'), notJson],
  ["no JSON: NUL in a string", withArgs('{"a":"\0"}'), notJson],
  ["no JSON: an unknown escape", withArgs('{"a":"\\x41"}'), notJson],
  ["no JSON: two documents", plain.body + plain.body, notJson],
  ["no JSON: lines of them", `${plain.body}\n${plain.body}\n`, notJson],
  ["no JSON: a byte-order mark", `\ufeff${plain.body}`, notJson],
  ["no UTF-8: FF", bytes('{"a":"', [0xff], '"}'), notJson],
  [
    "no UTF-8: an overlong slash",
    bytes(withArgs('{"a":"').slice(0, -2), [0xc0, 0xaf], '"}'),
    notJson,
  ],
  ["no UTF-8: a surrogate", bytes('{"a":"', [0xed, 0xa0, 0x80], '"}'), notJson],
  ["no UTF-8: beyond Unicode", bytes('{"a":"', [0xf4, 0x90, 0x80, 0x80], '"}'), notJson],
  ["no UTF-8: cut short", bytes(plain.body, [0xe2, 0x82]), notJson],
  ["no UTF-8: Latin-1", bytes('{"a":"', [0xfc], '"}'), notJson],
  ["no UTF-8: UTF-16", new Uint8Array(Buffer.from(plain.body, "utf16le")), notJson],
  [
    "no UTF-8: UTF-16 with its mark",
    bytes([0xff, 0xfe], [...Buffer.from(plain.body, "utf16le")]),
    notJson,
  ],
  ["a key twice: id", plain.body.replace('"id":1', '"id":1,"id":2'), notRead],
  ["a key twice: the same id", plain.body.replace('"id":1', '"id":1,"id":1'), notRead],
  [
    "a key twice: method",
    plain.body.replace('"method"', '"method":"tools/list","method"'),
    notRead,
  ],
  ["a key twice: params", plain.body.replace('"params"', '"params":{},"params"'), notRead],
  ["a key twice: name", plain.body.replace('"name":"t"', '"name":"u","name":"t"'), notRead],
  [
    "a key twice: an escaped name",
    plain.body.replace('"name":"t"', '"n\\u0061me":"u","name":"t"'),
    notRead,
  ],
  ["a key twice: _meta", plain.body.replace('"_meta"', '"_meta":{},"_meta"'), notRead],
  ["a key twice: in _meta", plain.body.replace('"_meta":{', '"_meta":{"a":1,"a":2,'), notRead],
  ["a key twice: in arguments", withArgs('{"a":1,"a":2}'), notRead],
  ["a key twice: deep in arguments", withArgs('{"a":[{"b":{"c":1,"d":2,"c":3}}]}'), notRead],
  ["a key twice: an empty one", withArgs('{"":1,"":2}'), notRead],
  ["10,000 levels: lists", withArgs(`{"a":${nested("[", "]")}}`), notRead],
  ["10,000 levels: objects", withArgs(`${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`), notRead],
  ["10,000 levels: the whole body", nested("[", "]"), notRead],
  ["10,000 levels: never closed", "[".repeat(10_000), notRead],
  [
    "10,000 levels: in _meta",
    plain.body.replace('"_meta":{', `"_meta":{"a":${nested("[", "]")},`),
    notRead,
  ],
  ["too many values", withArgs(`{"a":[${"0,".repeat(200_000)}0]}`), notRead],
  ["a batch of one", `[${plain.body}]`, notRead],
  ["a batch of two", `[${plain.body},${plain.body}]`, notRead],
  ["an empty batch", "[]", notRead],
  ["a batch in a batch", `[[${plain.body}]]`, notRead],
  ["a batch of 2,000", `[${Array.from({ length: 2_000 }, () => plain.body).join(",")}]`, notRead],
  ["no object: a number", "7", notRead],
  ["no object: null", "null", notRead],
  ["no object: a string", '"tools/call"', notRead],
  ["no JSON-RPC: no version", plain.body.replace('"jsonrpc":"2.0",', ""), notRead],
  ["no JSON-RPC: another version", plain.body.replace('"2.0"', '"1.0"'), notRead],
  ["no JSON-RPC: a version that is a number", plain.body.replace('"2.0"', "2.0"), notRead],
  ["no JSON-RPC: an id of null", plain.body.replace('"id":1', '"id":null'), notRead],
  ["no JSON-RPC: a fractional id", plain.body.replace('"id":1', '"id":1.5'), notRead],
  ["no JSON-RPC: an id that is a list", plain.body.replace('"id":1', '"id":[1]'), notRead],
  [
    "no JSON-RPC: a method that is a list",
    plain.body.replace('"tools/call"', '["tools/call"]'),
    notRead,
  ],
  [
    "no JSON-RPC: params that are a list",
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["t"]}',
    notRead,
  ],
  ["no JSON-RPC: a response", '{"jsonrpc":"2.0","id":1,"result":{}}', notRead],
  ["no JSON-RPC: an error", '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', notRead],
  ["in the wrong case: Method", plain.body.replace('"method"', '"Method"'), notRead],
  ["in the wrong case: Params", plain.body.replace('"params"', '"Params":{},"params"'), notRead],
  ["in the wrong case: NAME", plain.body.replace('"name":"t"', '"name":"t","NAME":"u"'), notRead],
  [
    "in the wrong case: a long s",
    plain.body.replace('"arguments"', '"argument\u017f":{},"arguments"'),
    notRead,
  ],
  ["__proto__", withArgs('{"__proto__":{"a":1}}'), notRead],
  ["an escaped __proto__", withArgs('{"\\u005f_proto__":{"a":1}}'), notRead],
  ["a lone surrogate", withArgs('{"a":"\\ud800"}'), notRead],
];

const noMethod: Expected = [404, -32601, "METHOD_UNKNOWN"];
const noMethodOld: Expected = [200, -32601, "METHOD_UNKNOWN"];
const noParams: Expected = [200, -32602, "PARAMS_INVALID"];
const noMeta: Expected = [400, -32602, "META_INCOMPLETE"];
const mismatch: Expected = [400, -32020, "HEADER_MISMATCH"];
const noTarget: Expected = [200, -32602, "TARGET_UNKNOWN"];

const unknown = [
  "tools/destroy",
  "tools/t",
  "Tools/call",
  "tools",
  "rpc.discover",
  "__proto__",
  "constructor",
  "sampling/createMessage",
  "elicitation/create",
  "roots/list",
  "notifications/cancelled",
];
const tricks = [
  "T",
  "t ",
  " t",
  "t\u200b",
  "\uff54",
  "t\0",
  "t\n",
  "%74",
  "*",
  "t*",
  "[t]",
  "../t",
  "x/t",
  "x__t",
  "__proto__",
  "t".repeat(65_536),
];
const bare = (method: string, params: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`;
const metaOnly = plain.body.replace(/"params":.*"_meta"/, '"params":{"_meta"');
const encoded = (name: string): Record<string, string> => ({
  "mcp-name": `=?base64?${Buffer.from(name).toString("base64")}?=`,
});
const omit = (name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(plain.headers).filter(([each]) => each !== name));
const revision = (value: string) => ({
  headers: { "mcp-protocol-version": value },
  meta: { "io.modelcontextprotocol/protocolVersion": value },
});

const rows: readonly Row[] = [
  ...malformed.map(([title, body, expected]): Row => [title, () => send(body), expected]),
  ...unknown.map((method): Row => [`an unknown method: ${method}`, () => ask(method), noMethod]),
  ...unknown.map((method): Row => [
    `an unknown method in a session: ${method}`,
    () => session(method),
    noMethodOld,
  ]),
  ["no params at all", () => send('{"jsonrpc":"2.0","id":1,"method":"tools/call"}'), noMeta],
  ["no params at all, in a session", () => session("tools/call"), noParams],
  ["params without _meta", () => send(bare("tools/call", '{"name":"t"}')), noMeta],
  ["params without a name", () => send(metaOnly, omit("mcp-name")), noParams],
  ["a name that is a number", () => ask("tools/call", { name: 7 }), noParams],
  ["a name that is a list", () => ask("tools/call", { name: ["t"] }), noParams],
  ["a name that is an object", () => ask("tools/call", { name: { toString: "t" } }), noParams],
  ["a name that is null", () => ask("tools/call", { name: null }), noParams],
  ["arguments that are a list", () => ask("tools/call", { name: "t", arguments: [] }), noParams],
  [
    "arguments that are a string",
    () => ask("tools/call", { name: "t", arguments: "{}" }),
    noParams,
  ],
  ["a prompt without a name", () => ask("prompts/get"), noParams],
  ["a resource without a URI", () => ask("resources/read"), noParams],
  ["a resource whose URI is a number", () => ask("resources/read", { uri: 7 }), noParams],
  ["a completion without a reference", () => ask("completion/complete"), noParams],
  [
    "a completion of an unknown kind",
    () => ask("completion/complete", { ref: { type: "ref/tool", name: "t" } }),
    noParams,
  ],
  [
    "a cursor of somebody else's",
    () => ask("tools/list", { cursor: "c" }),
    [200, -32602, "CURSOR_INVALID"],
  ],
  [
    "answers that nobody asked for",
    () => ask("tools/call", { name: "t", inputResponses: {} }),
    noParams,
  ],
  [
    "another Mcp-Name",
    () => ask("tools/call", { name: "t" }, { headers: { "mcp-name": "u" } }),
    mismatch,
  ],
  [
    "another Mcp-Method",
    () => ask("tools/call", { name: "t" }, { headers: { "mcp-method": "tools/list" } }),
    mismatch,
  ],
  [
    "another MCP-Protocol-Version",
    () => ask("tools/call", { name: "t" }, { headers: { "mcp-protocol-version": "2025-11-25" } }),
    mismatch,
  ],
  ["no Mcp-Name", () => send(plain.body, omit("mcp-name")), mismatch],
  ["no Mcp-Method", () => send(plain.body, omit("mcp-method")), mismatch],
  ["no MCP-Protocol-Version", () => send(plain.body, omit("mcp-protocol-version")), mismatch],
  [
    "a Mcp-Name that only looks alike",
    () => ask("tools/call", { name: "t" }, { headers: { "mcp-name": "T" } }),
    mismatch,
  ],
  [
    "a revision nobody speaks",
    () => ask("tools/call", { name: "t" }, revision("1900-01-01")),
    [400, -32022, "REVISION_UNSUPPORTED"],
  ],
  ...tricks.map((name): Row => [
    `a trick in a name: ${JSON.stringify(name).slice(0, 20)}`,
    () =>
      send(modernRequest("tools/call", { name, arguments: {} }).body, {
        ...plain.headers,
        ...(name.length > 9_000 ? {} : encoded(name)),
      }),
    name.length > 9_000 ? mismatch : noTarget,
  ]),
];

test.each(rows)(
  "%s is refused with its code and one record, and goes nowhere",
  async (_, act, expected) => {
    const before = (await rig.records()).length;
    const { status, text } = await act();
    const { error: told } = JSON.parse(text) as {
      error?: { code: number; data: { code: string } };
    };
    expect([status, told?.code, told?.data.code]).toEqual(expected);
    expect(text).not.toMatch(/ at |Error:|SyntaxError|position/);
    const records = await rig.records();
    expect(records).toHaveLength(before + 1);
    expect(records.at(-1)).toMatchObject({ client: "a", decision: "denied", status });
    expect(rig.forwarded()).toEqual([]);
  },
);

test("what is no JSON or no UTF-8 is answered without an id, and nothing of it is echoed", async () => {
  for (const [, body] of malformed.filter(([, , expected]) => expected === notJson)) {
    const { text } = await send(body);
    expect(Object.keys(JSON.parse(text) as object)).toEqual(["jsonrpc", "error"]);
    expect(text).not.toMatch(/tools|hello|arguments/);
  }
});

test("bad input leaves no slot, timer or listener behind, however often it comes", async () => {
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((each) => each === "Timeout").length;
  const small = rows.filter(([title]) => !/10,000|too many|2,000/.test(title));
  const before = timers();
  for (let round = 0; round < 4; round++) for (const [, act] of small) await act();
  expect(timers() - before).toBeLessThan(20);
  // Two at once is all that this client may have.
  const answers = await Promise.all([rig.call(), rig.call()]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
});

const head = (own: Rig, more: Readonly<Record<string, string>>): string =>
  headText(own, { ...plain.headers, ...more });

describe("a body of 1 GB", () => {
  test("that says so is refused before it is sent", async () => {
    const own = await openRig();
    const raw = openRaw(portOf(own), head(own, { "content-length": "1073741824" }));
    const answer = await raw.until("}");
    raw.socket.destroy();
    expect([statusOf(answer), problemOf(answer).code]).toEqual([413, "BODY_TOO_LARGE"]);
    expect(await own.records()).toMatchObject([{ decision: "denied", code: "BODY_TOO_LARGE" }]);
    expect(own.forwarded()).toEqual([]);
  });

  test("that does not say so is refused soon after the client's limit", async () => {
    const own = await openRig({}, { client: { maxRequestBytes: 100_000 } });
    const raw = openRaw(portOf(own), head(own, { "transfer-encoding": "chunked" }));
    const chunk = `10000\r\n${" ".repeat(0x10000)}\r\n`;
    let sent = 0;
    const write = (): void => {
      while (!raw.socket.destroyed && raw.text() === "" && sent < 1_073_741_824) {
        sent += chunk.length;
        if (!raw.socket.write(chunk))
          return void raw.socket.once("drain", () => setImmediate(write));
      }
    };
    write();
    const answer = await raw.until("}");
    raw.socket.destroy();
    expect(statusOf(answer)).toBe(413);
    expect(answer).toContain("BODY_TOO_LARGE");
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    expect(await own.records()).toMatchObject([
      { client: "a", decision: "denied", stage: "read", code: "BODY_TOO_LARGE" },
    ]);
    expect(own.forwarded()).toEqual([]);
  });
});

test("a body slower than its deadline is refused with BODY_TIMEOUT, one record and no timer left", async () => {
  const { clock, advance, timers } = createFakeClock();
  const inside = await openInside(
    { upstreams: {}, clients: { a: { auth: authA, allow: allowAll } } },
    () => ({ clock }),
  );
  const before = timers();
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('{"jsonrpc"')),
    cancel: () => {
      isCancelled = true;
    },
  });
  const headers = { ...plain.headers, host: "localhost", authorization: `Bearer ${tokenA}` };
  const options = { method: "POST", headers, body, duplex: "half" } as RequestInit;
  const answer = inside.fetch(new Request("http://localhost/mcp", options));
  await expect.poll(timers).toBeGreaterThan(before);
  advance(29_999);
  await Promise.resolve();
  expect(isCancelled).toBe(false);
  advance(1);
  const response = await answer;
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
    408,
    "BODY_TIMEOUT",
  ]);
  expect(isCancelled).toBe(true);
  // What looks again and again sets its timer anew when it has looked.
  await expect.poll(timers).toBe(before);
  await inside.close();
  const records = (await inside.auditText())
    .split("\n")
    .filter((line) => line.includes('"exchange"'));
  expect(records.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { client: "a", decision: "denied", code: "BODY_TIMEOUT" },
  ]);
});

test.each([
  "mcp-name: t",
  "mcp-method: tools/call",
  "mcp-protocol-version: 2026-07-28",
  `authorization: Bearer ${tokenA}`,
  "content-type: application/json",
])("a header that stands twice is refused with one record, and goes nowhere: %s", async (line) => {
  const own = await openRig();
  const length = String(Buffer.byteLength(plain.body));
  const once = head(own, { connection: "close", "content-length": length });
  const twice = once.replace(/\r\n\r\n$/, `\r\n${line}\r\n\r\n`);
  const answer = await sendRaw(portOf(own), twice + plain.body);
  expect(statusOf(answer)).toBe(400);
  expect(await own.records()).toMatchObject([{ decision: "denied" }]);
  expect(own.forwarded()).toEqual([]);
});

type Misbehaviour = (id: number, response: ServerResponse) => unknown;
const late: (() => void)[] = [];
const answers: readonly (readonly [string, Misbehaviour, number, string | undefined])[] = [
  ["answers garbage", (_, r) => sendJson(r, "<html>"), 502, "UPSTREAM_INVALID"],
  ["answers garbage in a stream", (_, r) => sendEvents(r, "garbage"), 502, "UPSTREAM_INVALID"],
  [
    "answers a page",
    (_, r) => r.writeHead(200, { "content-type": "text/html" }).end("<html>"),
    502,
    "UPSTREAM_INVALID",
  ],
  ["answers nothing", (_, r) => sendJson(r, ""), 502, "UPSTREAM_INVALID"],
  [
    "answers with the wrong id",
    (id, r) => sendJson(r, result(id + 1, okText)),
    502,
    "UPSTREAM_INVALID",
  ],
  [
    "answers with the wrong id in a stream",
    (id, r) => sendEvents(r, result(id + 1, okText)),
    502,
    "UPSTREAM_INVALID",
  ],
  [
    "answers with the wrong id and an error",
    (_, r) => sendJson(r, error(7, -1)),
    502,
    "UPSTREAM_INVALID",
  ],
  ["never answers", () => undefined, 504, "UPSTREAM_TIMEOUT"],
  ["never ends its stream", (_, r) => startEvents(r), 504, "UPSTREAM_TIMEOUT"],
  [
    "answers twice",
    (id, r) => sendEvents(r, result(id, okText), result(id, '{"content":[],"is":"second"}')),
    200,
    undefined,
  ],
  [
    "answers twice, with an error first",
    (id, r) => sendEvents(r, error(id, -7), result(id, '{"content":[],"is":"second"}')),
    200,
    undefined,
  ],
];

describe.each([
  ["modern", {}],
  ["legacy", { era: legacy }],
])("a %s upstream", (_, settings) => {
  test.each(answers)(
    "that %s costs its call alone, with its code and one record",
    async (__, act, status, code) => {
      const own = await openRig(
        { "tools/call": ({ id }, response) => void act(id, response) },
        { ...settings, upstream: { timeoutMs: 150 } },
      );
      await own.ask("tools/list");
      const answer = await own.call();
      expect([answer.status, answer.json().error?.data?.code]).toEqual([status, code]);
      expect(answer.text).not.toMatch(/html|garbage|second/);
      expect((await own.records()).slice(1)).toMatchObject([
        { client: "a", target: "t", ...(code === undefined ? {} : { code, decision: "failed" }) },
      ]);
      expect(own.forwarded()).toHaveLength(1);
      own.act({});
      expect((await own.call()).status).toBe(200);
    },
  );

  test("that answers after the client left answers nobody, with one record", async () => {
    const own = await openRig(
      {
        "tools/call": ({ id }, response) =>
          late.push(() => sendJson(response, result(id, '{"content":[],"is":"late"}'))),
      },
      settings,
    );
    const raw = await openCall(own, plain);
    await expect.poll(() => late.length).toBe(1);
    raw.socket.destroy();
    await expect.poll(async () => (await own.records()).length).toBe(2);
    for (const go of late.splice(0)) go();
    own.act({});
    expect((await own.call()).text).toBe(answerText(okText));
    expect((await own.records()).slice(1)).toMatchObject([
      { decision: "cancelled" },
      { decision: "allowed" },
    ]);
  });
});
