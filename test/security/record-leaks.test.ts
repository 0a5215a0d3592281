import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { verifyAudit } from "../../src/audit/index.ts";
import { Secret } from "../../src/core/index.ts";
import { createToken, hashToken } from "../../src/identity/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { allowAll, authA, modernRequest, post, tokenA, tokenB } from "../e2e/gateway.ts";
import { openRaw, sendRaw } from "../runtime/raw.ts";
import { githubToken, jwt, privateKey, secrets } from "../sanitize/samples.ts";
import { result, sendEvents, sendJson, startEvents } from "../upstreams/fake-server.ts";
import {
  type Rig,
  type RigSettings,
  answerText,
  blockText,
  closeRigs,
  eventsText,
  listText,
  listening,
  logText,
  okText,
  headText,
  openCall,
  openInside,
  openRig,
  reply,
  toolText,
  withoutIds,
} from "./rig.ts";

/** What the operator's log said since the test began. */
let logged: string[] = [];
beforeEach(() => {
  logged = [];
  vi.spyOn(process.stderr, "write").mockImplementation((line) => {
    logged.push(String(line));
    return true;
  });
});
afterEach(async () => {
  await closeRigs();
  vi.restoreAllMocks();
});

const auditOf = (rig: Rig): Promise<string> =>
  readFile(join(rig.gateway.folder, "audit.jsonl"), "utf8");

async function lastArgs(rig: Rig): Promise<{ readonly value: unknown } | undefined> {
  return (await rig.records()).at(-1)?.["args"] as { readonly value: unknown } | undefined;
}

test("D5 arguments are recorded without their secrets, which the server gets all the same", async () => {
  const rig = await openRig();
  for (const [kind, secret] of secrets) {
    await rig.call({ note: `is ${secret} end`, deep: [{ a: secret }], [`k ${secret}`]: 1 });
    const value = (await lastArgs(rig))?.value;
    const marker = `[redacted:${kind}]`;
    expect(value).toEqual({ note: `is ${marker} end`, deep: [{ a: marker }], [`k ${marker}`]: 1 });
    expect(rig.forwarded().at(-1)?.params).toContain(JSON.stringify(secret).slice(1, -1));
  }
  const text = await auditOf(rig);
  for (const [, secret] of secrets) expect(text).not.toContain(JSON.stringify(secret).slice(1, -1));
});

test("D5 what a name promises to be secret is not recorded, whatever it looks like", async () => {
  const rig = await openRig();
  const args = {
    password: "correct horse",
    db: {
      dbPassword: "x y z",
      api_key: "abcdefgh",
      clientSecret: "tr0ub4dor",
      accessToken: "staple77",
    },
    headers: { Authorization: "opaque-5512" },
    env: "DB_PASSWORD=hunter2hunter2 PORT=80",
    url: "postgres://app:b4tteryx@db.example.com/shop",
    user: "anna",
    next_token: "abc12345678",
  };
  await rig.call(args);
  const value = (await lastArgs(rig))?.value;
  expect(value).toEqual({
    password: "[redacted:password]",
    db: {
      dbPassword: "[redacted:password]",
      api_key: "[redacted:api-key]",
      clientSecret: "[redacted:client-secret]",
      accessToken: "[redacted:token]",
    },
    headers: { Authorization: "[redacted:authorization]" },
    env: "DB_PASSWORD=[redacted:password] PORT=80",
    url: "postgres://app:[redacted:url-password]@db.example.com/shop",
    user: "anna",
    next_token: "abc12345678",
  });
});

test.each<[string, (secret: string) => string]>([
  ["in base64", (secret) => Buffer.from(`token ${secret} end`).toString("base64")],
  ["in hex", (secret) => Buffer.from(`token ${secret} end`).toString("hex")],
  [
    "percent-encoded",
    (secret) => [...secret].map((each) => `%${each.charCodeAt(0).toString(16)}`).join(""),
  ],
  ["with zero width between", (secret) => [...secret].join("\u200b")],
  [
    "in fullwidth letters",
    (secret) =>
      [...secret].map((each) => String.fromCodePoint(each.charCodeAt(0) + 0xfee0)).join(""),
  ],
  ["far into a long value", (secret) => `${"word ".repeat(1_500)}${secret}`],
  ["across the cut of a long value", (secret) => `${"word ".repeat(1_636)}${secret}`],
])("D5 a secret %s is not recorded", async (_, wrap) => {
  const rig = await openRig();
  await rig.call({ note: wrap(githubToken) });
  const text = await auditOf(rig);
  expect(text).not.toContain(githubToken.slice(4, 20));
  expect(text).not.toContain(wrap(githubToken).slice(-30));
});

/** Where in a request a client can write a text, beside its arguments. */
const claims: readonly (readonly [string, (rig: Rig, text: string) => Promise<unknown>])[] = [
  [
    "a tool's name",
    (rig, text) => rig.ask("tools/call", { name: text, arguments: {} }, { headers: named(text) }),
  ],
  [
    "a prompt's name",
    (rig, text) => rig.ask("prompts/get", { name: text }, { headers: named(text) }),
  ],
  [
    "a URI",
    (rig, text) =>
      rig.ask(
        "resources/read",
        { uri: `https://x.example/${text}` },
        { headers: named(`https://x.example/${text}`) },
      ),
  ],
  [
    "a method",
    (rig, text) =>
      rig.ask(`tools/${text}`, {}, { headers: { "mcp-method": encodeHeader(`tools/${text}`) } }),
  ],
  ["an id", (rig, text) => rig.call({}, { id: text })],
  ["_meta", (rig, text) => rig.call({}, { meta: { "x.example/a": text, traceparent: text } })],
  [
    "clientInfo",
    (rig, text) =>
      rig.call(
        {},
        { meta: { "io.modelcontextprotocol/clientInfo": { name: text, version: text } } },
      ),
  ],
  [
    "a header",
    (rig, text) =>
      rig.call(
        {},
        {
          headers: {
            "user-agent": ascii(text),
            traceparent: ascii(text),
            "x-forwarded-for": ascii(text),
            forwarded: ascii(text),
          },
        },
      ),
  ],
  ["a session's id", (rig, text) => rig.call({}, { headers: { "mcp-session-id": ascii(text) } })],
  ["a cursor", (rig, text) => rig.ask("tools/list", { cursor: text })],
  [
    "a completion",
    (rig, text) =>
      rig.ask("completion/complete", {
        ref: { type: "ref/prompt", name: text },
        argument: { name: text, value: text },
      }),
  ],
  ["a key of the arguments", (rig, text) => rig.call({ [text]: { [text]: text } })],
  [
    "a body that is no JSON",
    (rig, text) => post(`${rig.gateway.url}/mcp/x`, { ...modernRequest("tools/call"), body: text }),
  ],
  [
    "a path",
    (rig, text) =>
      post(
        `${rig.gateway.url}/mcp/${encodeURIComponent(ascii(text))}`,
        modernRequest("tools/list"),
      ),
  ],
  [
    "a query",
    (rig, text) =>
      post(
        `${rig.gateway.url}/mcp/x?access_token=${encodeURIComponent(ascii(text))}`,
        modernRequest("tools/list"),
      ),
  ],
];
function encodeHeader(text: string): string {
  return /^[!-~]+$/.test(text) ? text : `=?base64?${Buffer.from(text).toString("base64")}?=`;
}
function named(text: string): Record<string, string> {
  return { "mcp-name": encodeHeader(text) };
}
function ascii(text: string): string {
  return text.replaceAll(/[^ -~]+/g, "-");
}

test.each(claims)(
  "D5 neither record nor log holds the client's token, though it stands in %s",
  async (_, send) => {
    const { crypto } = await openRuntime();
    const token = createToken(crypto);
    const rig = await openRig(
      {},
      { client: { auth: [authA, { tokenSha256: hashToken(token, crypto) }].flat() } },
    );
    const count = (await rig.records()).length;
    await send(rig, token);
    await rig.call();
    expect((await rig.records()).length).toBeGreaterThan(count);
    for (const text of [await auditOf(rig), logged.join("")]) {
      expect(text).not.toContain(token);
      expect(text).not.toContain(token.slice(6, 40));
    }
  },
);

test.each([
  ["a good one", `Bearer ${tokenA}`],
  ["one of nobody", `Bearer ${tokenB}`],
  ["two", `Bearer ${tokenA}, Bearer ${tokenB}`],
  ["one of another scheme", `Basic ${btoa(`a:${tokenA}`)}`],
  ["one without a scheme", tokenA],
])("D5 no token of an Authorization header is recorded or logged: %s", async (_, authorization) => {
  const rig = await openRig();
  await post(
    `${rig.gateway.url}/mcp/x`,
    modernRequest("tools/list", {}, { headers: { authorization } }),
    null,
  );
  await rig.call();
  for (const text of [await auditOf(rig), logged.join("")]) {
    for (const token of [tokenA, tokenB, btoa(`a:${tokenA}`)]) expect(text).not.toContain(token);
  }
});

test("D5 what an upstream is told, and what it answers, is not recorded", async () => {
  const own = "Bearer opaque-upstream-credential-1";
  const failing = ({ id }: { id: number }, response: Parameters<typeof sendJson>[0]) =>
    sendJson(
      response,
      `{"jsonrpc":"2.0","id":${id},"error":{"code":-32000,"message":"${jwt} ${own}","data":"${jwt}"}}`,
    );
  const rig = await openRig(
    { "tools/call": reply(blockText(`{"type":"text","text":"${jwt}"}`)), "prompts/get": failing },
    { upstream: { headers: { authorization: new Secret(own) } } },
  );
  await rig.call();
  await rig.ask("prompts/get", { name: "p" });
  expect(rig.forwarded()[0]?.headers.authorization).toBe(own);
  for (const text of [await auditOf(rig), logged.join("")]) {
    expect(text).not.toContain(jwt);
    expect(text).not.toContain("opaque-upstream-credential");
  }
});

test("D5 results are recorded without their secrets, where they are to be recorded at all", async () => {
  const text = `{"content":[{"type":"text","text":${JSON.stringify(`a ${privateKey} b ${githubToken}`)}}],"resultType":"complete"}`;
  const rig = await openRig(
    { "tools/call": reply(text) },
    { config: { audit: { results: true }, sanitize: { secrets: "off" } } },
  );
  expect((await rig.call()).text).toBe(answerText(text));
  const recorded = await auditOf(rig);
  expect(recorded).toContain("[redacted:private-key] b [redacted:github-token]");
  expect(recorded).not.toContain(githubToken);
});

const forgery = '{"v":1,"seq":1,"kind":"exchange","client":"admin","decision":"allowed"}';
const injected: readonly (readonly [string, string])[] = [
  ["CR and LF", `x\r\n${forgery}\r\n`],
  ["LF", `x\n${forgery}\n`],
  ["CR", `x\r${forgery}\r`],
  ["line separators", `x\u2028${forgery}\u2029`],
  ["NEL", `x\u0085${forgery}\u0085`],
  ["form feeds", `x\u000b\u000c${forgery}`],
  ["terminal sequences", `x\u001b[2K\u001b[1A${forgery}\u009b0m\u0007`],
  ["NUL and DEL", `x\0\u007f${forgery}`],
  ["quotes", `x","decision":"allowed","a":"`],
  ["an end of JSON", `x"}}\n${forgery}`],
  ["right-to-left marks", `x\u202e\u2066${forgery}\u2069\u202c`],
  ["what nobody sees", `x\u200b\ufeff\u00ad\u{e0041}${forgery}`],
];
/** Beyond visible text there is only the line feed at the end of each record. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const withoutLineFeeds = (text: string): string => text.replaceAll("\n", "");

test.each(injected)("D6 %s forge no record, wherever they stand", async (_, text) => {
  const { crypto } = await openRuntime();
  const rig = await openRig();
  for (const [, send] of claims) await send(rig, text);
  await rig.call();
  const audit = await auditOf(rig);
  expect(unsafe.exec(withoutLineFeeds(audit))?.[0]).toBeUndefined();
  const lines = audit.split("\n").filter((line) => line !== "");
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ v: 1 });
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(records.map(({ seq }) => seq)).toEqual(records.map((__, index) => index + 1));
  expect(records.filter(({ client }) => client === "admin")).toEqual([]);
  async function* each() {
    for (const line of lines) yield line;
  }
  expect(await verifyAudit(each(), crypto)).toMatchObject({ ok: true, records: lines.length });
  for (const line of logged) expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
});

test("D6 what an upstream writes forges no record", async () => {
  for (const [, text] of injected) {
    const json = JSON.stringify(text);
    const rig = await openRig({
      "tools/list": reply(
        listText("tools", [toolText("t"), `{"name":${json},"inputSchema":${json}}`]),
      ),
      "tools/call": ({ id }, response) =>
        sendEvents(
          response,
          logText(json),
          `{"jsonrpc":"2.0","id":${id},"error":{"code":-32000,"message":${json},"data":{${json}:${json}}}}`,
        ),
      "prompts/get": ({ id }, response) => sendJson(response, result(id, `{"resultType":${json}}`)),
    });
    await rig.ask("tools/list");
    await rig.call();
    await rig.ask("prompts/get", { name: "p" });
    const audit = await auditOf(rig);
    expect(unsafe.exec(withoutLineFeeds(audit))?.[0]).toBeUndefined();
    // The start, the tool at first sight, three exchanges, and what follows the last line break.
    expect(audit.split("\n")).toHaveLength(6);
    expect((await rig.records()).map(({ client }) => client)).toEqual(["a", "a", "a"]);
  }
});

const typed =
  '{"name":"typed","inputSchema":{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}}';
const strict: RigSettings = {
  client: {
    allow: { tools: ["x/t", "x/typed"], resources: ["x/a:b"], prompts: [] },
    origins: ["https://a.example"],
    maxRequestBytes: 2_000,
  },
  config: {
    rules: [{ name: "no-etc", on: "x/t", when: { args: { path: "/etc" } }, then: "deny" }],
  },
};
const lists = { "tools/list": reply(listText("tools", [toolText("t"), typed, toolText("other")])) };
const send = (rig: Rig, body: string, headers: Record<string, string> = {}) =>
  post(`${rig.gateway.url}/mcp/x`, {
    headers: { ...modernRequest("tools/call", { name: "t" }).headers, ...headers },
    body,
  });
const legacyList = (rig: Rig, session: Record<string, string> = {}) =>
  post(`${rig.gateway.url}/mcp/x`, {
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...session,
    },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
  });
const plain = modernRequest("tools/call", { name: "t", arguments: {} });

const denied: readonly (readonly [string, string, string, (rig: Rig) => Promise<unknown>])[] = [
  [
    "a tool outside the allow-list",
    "POLICY_DENIED",
    "authorize",
    (rig) => rig.ask("tools/call", { name: "other", arguments: {} }),
  ],
  [
    "a tool that nobody has",
    "POLICY_DENIED",
    "authorize",
    (rig) => rig.ask("tools/call", { name: "none", arguments: {} }),
  ],
  [
    "a resource outside the allow-list",
    "POLICY_DENIED",
    "authorize",
    (rig) => rig.ask("resources/read", { uri: "a:c" }),
  ],
  [
    "a prompt outside the allow-list",
    "POLICY_DENIED",
    "authorize",
    (rig) => rig.ask("prompts/get", { name: "p" }),
  ],
  ["a rule", "RULE_DENIED", "judge", (rig) => rig.call({ path: "/etc" })],
  [
    "arguments that do not fit",
    "ARGUMENTS_INVALID",
    "judge",
    (rig) => rig.ask("tools/call", { name: "typed", arguments: { a: "x" } }),
  ],
  ["an unknown method", "METHOD_UNKNOWN", "read", (rig) => rig.ask("tools/destroy")],
  [
    "headers unlike the body",
    "HEADER_MISMATCH",
    "read",
    (rig) => rig.call({}, { headers: { "mcp-name": "u" } }),
  ],
  [
    "a cursor",
    "CURSOR_INVALID",
    expect.any(String) as string,
    (rig) => rig.ask("tools/list", { cursor: "c" }),
  ],
  ["garbage", "MESSAGE_MALFORMED", "read", (rig) => send(rig, "{")],
  ["a batch", "MESSAGE_MALFORMED", "read", (rig) => send(rig, `[${plain.body}]`)],
  ["no session", "SESSION_REQUIRED", "read", (rig) => legacyList(rig)],
  [
    "a session that is not known",
    "SESSION_UNKNOWN",
    "read",
    (rig) => legacyList(rig, { "mcp-session-id": "0".repeat(32) }),
  ],
  [
    "another client's endpoint",
    "POLICY_DENIED",
    "route",
    (rig) => post(`${rig.gateway.url}/mcp/nowhere`, modernRequest("tools/list")),
  ],
];

test.each(denied)("D7 a call refused for %s leaves one record", async (_, code, stage, act) => {
  const rig = await openRig(lists, strict);
  await act(rig);
  expect(await rig.records()).toMatchObject([{ client: "a", decision: "denied", stage, code }]);
  expect(rig.forwarded()).toEqual([]);
  await rig.call();
  expect(await rig.records()).toHaveLength(2);
});

test("D7 a call over the rate or the number at once leaves one record", async () => {
  const waiting: (() => void)[] = [];
  const rig = await openRig(
    {
      "tools/call": ({ id }, response) =>
        waiting.push(() => sendJson(response, result(id, okText))),
    },
    { client: { rate: { burst: 2, perSecond: 0.001 }, maxConcurrent: 1 } },
  );
  const first = rig.call();
  await expect.poll(() => waiting.length).toBe(1);
  expect((await rig.call()).status).toBe(429);
  expect((await rig.call()).status).toBe(429);
  expect(await rig.records()).toMatchObject([
    { client: "a", decision: "denied", stage: "limit", code: "CONCURRENCY_EXCEEDED" },
    { client: "a", decision: "denied", stage: "limit", code: "RATE_EXCEEDED" },
  ]);
  for (const go of waiting) go();
  await first;
  expect(await rig.records()).toHaveLength(3);
});

const portOf = (rig: Rig): number => Number(new URL(rig.gateway.url).port);
const rawRequest = (
  rig: Rig,
  { host = `127.0.0.1:${portOf(rig)}`, path = "/mcp/x", extra = "" },
): string =>
  `POST ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\ncontent-type: application/json\r\n${extra}content-length: 2\r\n\r\n{}`;
const past = new Secret("an-expired-token-that-is-long-enough-1");

const strangers: readonly (readonly [string, string, (rig: Rig) => Promise<unknown>])[] = [
  ["no token", "TOKEN_MISSING", (rig) => post(`${rig.gateway.url}/mcp/x`, plain, null)],
  ["a wrong token", "TOKEN_INVALID", (rig) => post(`${rig.gateway.url}/mcp/x`, plain, tokenB)],
  [
    "a token that has expired",
    "TOKEN_EXPIRED",
    (rig) => post(`${rig.gateway.url}/mcp/x`, plain, past.reveal()),
  ],
  [
    "another scheme",
    "TOKEN_INVALID",
    (rig) => send(rig, plain.body, { authorization: "Basic YTpi" }),
  ],
  [
    "a foreign origin",
    "ORIGIN_FORBIDDEN",
    (rig) => send(rig, plain.body, { origin: "https://evil.example" }),
  ],
  [
    "a foreign host",
    "HOST_FORBIDDEN",
    (rig) => sendRaw(portOf(rig), rawRequest(rig, { host: "evil.example" })),
  ],
  ["an unknown path", "PATH_UNKNOWN", (rig) => post(`${rig.gateway.url}/admin`, plain)],
  [
    "another media type",
    "MEDIA_UNSUPPORTED",
    (rig) => send(rig, plain.body, { "content-type": "text/plain" }),
  ],
  [
    "a body over every client's size",
    "BODY_TOO_LARGE",
    (rig) => rig.call({ a: "x".repeat(5_000_000) }),
  ],
  [
    "an unsupported HTTP method",
    "HTTP_METHOD_UNSUPPORTED",
    (rig) => fetch(`${rig.gateway.url}/mcp/x`, { method: "PUT", body: "{}" }),
  ],
  [
    "a preflight of a stranger",
    "ORIGIN_FORBIDDEN",
    (rig) =>
      fetch(`${rig.gateway.url}/mcp/x`, {
        method: "OPTIONS",
        headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
      }),
  ],
];

test.each(strangers)("D7 a caller refused for %s leaves one record", async (_, code, act) => {
  const auth = [authA, { token: past, until: "2020-01-01" }];
  const rig = await openRig({}, { client: { auth } });
  await act(rig);
  await expect.poll(async () => (await rig.records()).length).toBe(1);
  const [record] = await rig.records();
  expect(record).toMatchObject({ decision: "denied", code, address: "127.0.0.1" });
  expect(record?.["client"]).toBeUndefined();
  expect(rig.forwarded()).toEqual([]);
  await rig.call();
  expect(await rig.records()).toHaveLength(2);
});

test("D7 of a flood of strangers not one is lost from the sums", async () => {
  const inside = await openInside({ upstreams: {}, clients: { a: { auth: authA } } }, () => ({}));
  const { headers, body } = plain;
  for (let count = 0; count < 200; count++) {
    const own = count % 2 === 0 ? {} : { authorization: `Bearer ${tokenB}` };
    await inside.fetch(
      new Request("http://localhost/mcp", {
        method: "POST",
        headers: { ...headers, ...own, host: "localhost" },
        body,
      }),
    );
  }
  await inside.close();
  const records = (await inside.auditText())
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { kind: string; count?: number });
  const exchanges = records.filter(({ kind }) => kind === "exchange");
  expect(exchanges.reduce((sum, { count = 1 }) => sum + count, 0)).toBe(200);
  expect(exchanges.length).toBeLessThanOrEqual(6);
});

const leave = async (
  rig: Rig,
  session: Record<string, string>,
  body: string,
  until: (text: string) => boolean,
): Promise<void> => {
  const controller = new AbortController();
  const response = await fetch(`${rig.gateway.url}/mcp/x`, {
    method: "POST",
    headers: { ...plain.headers, authorization: `Bearer ${tokenA}`, ...session },
    body,
    signal: controller.signal,
  });
  const reader = response.body!.getReader();
  let text = "";
  while (!until(text)) text += new TextDecoder().decode((await reader.read()).value);
  controller.abort();
  await reader.read().catch(() => undefined);
};

test("D7 a client that hangs up before its answer leaves one record", async () => {
  let arrived: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const rig = await openRig({ "tools/call": () => arrived() });
  const raw = await openCall(rig, plain);
  await waiting;
  raw.socket.destroy();
  await expect.poll(async () => (await rig.records()).length).toBe(2);
  expect((await rig.records()).slice(1)).toMatchObject([
    { client: "a", decision: "cancelled", method: "tools/call", target: "t" },
  ]);
  await rig.ask("tools/list");
  expect(await rig.records()).toHaveLength(3);
});

test("D7 a client that hangs up in the middle of a stream leaves one record", async () => {
  const rig = await openRig({
    "tools/call": (_, response) => {
      startEvents(response);
      response.write(eventsText(logText('"one"')));
    },
  });
  const { body } = modernRequest("tools/call", { name: "t", arguments: {} }, { meta: listening });
  await leave(rig, {}, body, (text) => text.includes("one"));
  await expect.poll(async () => (await rig.records()).length).toBe(1);
  expect(await rig.records()).toMatchObject([{ client: "a", decision: "cancelled", target: "t" }]);
  await rig.ask("tools/list");
  expect(await rig.records()).toHaveLength(2);
});

test("D7 a legacy client that hangs up leaves one record, when its call has ended", async () => {
  let finish: () => void = () => undefined;
  const rig = await openRig({
    "tools/call": ({ id }, response) => {
      startEvents(response);
      response.write(eventsText(logText('"one"')));
      finish = () => response.end(eventsText(result(id, okText)));
    },
  });
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const params = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "t", version: "1" },
  };
  const greeting = await post(`${rig.gateway.url}/mcp/x`, {
    headers,
    body: JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params }),
  });
  const session = {
    "mcp-session-id": greeting.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": "2025-11-25",
  };
  await leave(
    rig,
    session,
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{}}}',
    (text) => text.includes("one"),
  );
  finish();
  await expect.poll(async () => (await rig.records()).length).toBe(2);
  const last = (await rig.records()).at(-1);
  expect(last).toMatchObject({ client: "a", target: "t" });
  // The call may have ended before it was noticed that nobody waits.
  expect(["cancelled", "allowed"]).toContain(last?.["decision"]);
  await rig.ask("tools/list");
  expect(await rig.records()).toHaveLength(3);
});

test("D7 a client that hangs up in the middle of its body leaves one record", async () => {
  const rig = await openRig();
  const headers = { ...plain.headers, "content-length": "500", expect: "100-continue" };
  const raw = openRaw(portOf(rig), headText(rig, headers));
  await raw.until("100 Continue");
  raw.socket.destroy();
  await expect.poll(async () => (await rig.records()).length).toBe(1);
  expect(await rig.records()).toMatchObject([{ client: "a", decision: "denied", stage: "read" }]);
  await rig.call();
  expect(await rig.records()).toHaveLength(2);
});

/** The error a caller gets, to the last byte but for the id of the exchange. */
const errorText = (number: number, message: string, code: string): string =>
  `{"jsonrpc":"2.0","id":1,"error":{"code":${number},"message":"${message}","data":{"code":"${code}","requestId":""}}}`;
const unavailable = errorText(-32603, "The server is not available", "UPSTREAM_UNAVAILABLE");
const invalid = errorText(-32603, "The server gave an invalid answer", "UPSTREAM_INVALID");
const stack = "TypeError: x is not a function\n    at run (/home/deploy/app/secret.js:1:2)";

test.each<[string, string, (id: number, response: Parameters<typeof sendJson>[0]) => unknown]>([
  [
    "500 with a stack",
    unavailable,
    (_, r) => r.writeHead(500, { "content-type": "text/plain" }).end(stack),
  ],
  [
    "500 with JSON",
    unavailable,
    (id, r) =>
      sendJson(
        r,
        `{"jsonrpc":"2.0","id":${id},"error":{"code":1,"message":${JSON.stringify(stack)}}}`,
        500,
      ),
  ],
  [
    "401",
    unavailable,
    (_, r) => r.writeHead(401, { "www-authenticate": "Bearer realm=internal" }).end(stack),
  ],
  ["403", unavailable, (_, r) => r.writeHead(403).end(stack)],
  ["404", unavailable, (_, r) => r.writeHead(404).end(stack)],
  ["429", unavailable, (_, r) => r.writeHead(429, { "retry-after": "9" }).end(stack)],
  [
    "a redirect inside",
    unavailable,
    (_, r) => r.writeHead(302, { location: "http://10.0.0.7/admin" }).end(),
  ],
  ["a broken connection", unavailable, (_, r) => r.destroy()],
  ["garbage", invalid, (_, r) => sendJson(r, stack)],
  ["a page", invalid, (_, r) => r.writeHead(200, { "content-type": "text/html" }).end(stack)],
  ["an empty answer", invalid, (_, r) => sendJson(r, "")],
  ["an empty stream", invalid, (_, r) => sendEvents(r)],
  [
    "bytes that are no UTF-8",
    invalid,
    (_, r) =>
      r.writeHead(200, { "content-type": "application/json" }).end(Buffer.from([0x7b, 0xff])),
  ],
  [
    "an unknown type of result",
    invalid,
    (id, r) => sendJson(r, result(id, '{"resultType":"/home/deploy/app/secret.js"}')),
  ],
])("D8 of an upstream that answers %s, a caller hears a fixed text", async (_, text, act) => {
  const rig = await openRig({ "tools/call": ({ id }, response) => void act(id, response) });
  const answer = await rig.call();
  expect(withoutIds(answer.text)).toBe(text);
  expect(JSON.stringify([...answer.headers])).not.toMatch(
    /secret\.js|10\.0\.0\.7|internal|express/i,
  );
});

test.each([
  ["nobody listens", "http://127.0.0.1:9/mcp"],
  ["the name is not known", "http://secret-host.invalid/mcp"],
])("D8 where %s, a caller hears a fixed text without host or port", async (_, url) => {
  const rig = await openRig({}, { upstream: { url } });
  for (const answer of [
    await rig.call(),
    await rig.ask("tools/list"),
    await rig.ask("resources/read", { uri: "a:b" }),
  ]) {
    expect(withoutIds(answer.text)).toBe(unavailable);
  }
});

const broken = (): never => {
  throw new TypeError(`x is not a function at /home/deploy/app/secret.js:1 ${tokenA}`);
};
const egress = (request: unknown) => (runtime: Awaited<ReturnType<typeof openRuntime>>) => ({
  egress: { ...runtime.egress, request } as typeof runtime.egress,
});

test.each<[string, Parameters<typeof openInside>[1]]>([
  ["the network throws", egress(() => Promise.reject(new Error(stack)))],
  ["the network gives what it should not", egress(() => Promise.resolve({}))],
  ["digests throw", ({ crypto }) => ({ crypto: { ...crypto, hmacSha256: broken } })],
])("D8 where %s, a caller hears nothing of the inside", async (_, change) => {
  const rig = await openRig();
  const upstreams = { x: { url: `${rig.gateway.url}/nowhere` } };
  const inside = await openInside(
    { upstreams, clients: { a: { auth: authA, allow: allowAll } } },
    change,
  );
  const headers = { ...plain.headers, host: "localhost", authorization: `Bearer ${tokenA}` };
  const response = await inside.fetch(
    new Request("http://localhost/mcp/x", { method: "POST", headers, body: plain.body }),
  );
  const text = await response.text();
  expect(JSON.parse(text)).toMatchObject({ error: { data: { code: expect.any(String) } } });
  expect(text).not.toMatch(/secret\.js|TypeError|not a function|home|a-token-of/);
  expect(JSON.stringify([...response.headers])).not.toMatch(/secret\.js|TypeError/);
});

const without = (headers: Headers): Record<string, string> =>
  Object.fromEntries(
    [...headers].filter(
      ([name]) => !["x-request-id", "date", "ratelimit", "connection", "keep-alive"].includes(name),
    ),
  );

const guesses: readonly (readonly [
  string,
  string,
  Readonly<Record<string, unknown>>,
  Readonly<Record<string, unknown>>,
])[] = [
  ["tools", "tools/call", { name: "other", arguments: {} }, { name: "nothing", arguments: {} }],
  [
    "tools with arguments that do not fit",
    "tools/call",
    { name: "typed2", arguments: { a: "x" } },
    { name: "nothing2", arguments: { a: "x" } },
  ],
  ["prompts", "prompts/get", { name: "p" }, { name: "q" }],
  ["resources", "resources/read", { uri: "a:listed" }, { uri: "a:nothing" }],
  ["resources in another spelling", "resources/read", { uri: "a:b/../b" }, { uri: "a:c/../c" }],
  [
    "completions of prompts",
    "completion/complete",
    { ref: { type: "ref/prompt", name: "p" }, argument: { name: "a", value: "" } },
    { ref: { type: "ref/prompt", name: "q" }, argument: { name: "a", value: "" } },
  ],
  [
    "completions of resources",
    "completion/complete",
    { ref: { type: "ref/resource", uri: "a:listed" }, argument: { name: "a", value: "" } },
    { ref: { type: "ref/resource", uri: "a:nothing" }, argument: { name: "a", value: "" } },
  ],
];

test.each(guesses)(
  "D8 forbidden and unknown %s are answered alike, to a header",
  async (_, method, forbidden, unknown) => {
    const rig = await openRig(
      {
        "tools/list": reply(
          listText("tools", [toolText("t"), toolText("other"), typed.replace("typed", "typed2")]),
        ),
        "resources/list": reply(listText("resources", ['{"uri":"a:listed","name":"r"}'])),
      },
      strict,
    );
    const [one, other] = [await rig.ask(method, forbidden), await rig.ask(method, unknown)];
    expect(withoutIds(one.text)).toBe(
      errorText(-32602, "Unknown tool, resource or prompt", "TARGET_UNKNOWN"),
    );
    expect(withoutIds(other.text)).toBe(withoutIds(one.text));
    expect(other.status).toBe(one.status);
    expect(without(other.headers)).toEqual(without(one.headers));
    expect(rig.forwarded()).toEqual([]);
  },
);

test("D8 a forbidden upstream and an unknown one are answered alike", async () => {
  const rig = await openRig({}, { client: { allow: {} } });
  const [one, other] = await Promise.all(
    ["x", "nothing"].map((name) =>
      post(`${rig.gateway.url}/mcp/${name}`, modernRequest("tools/list")),
    ),
  );
  expect(withoutIds(other!.text)).toBe(withoutIds(one!.text));
  expect([other!.status, without(other!.headers)]).toEqual([one!.status, without(one!.headers)]);
});

test("D8 wrong tokens are answered alike, however near they come", async () => {
  const { crypto } = await openRuntime();
  const rig = await openRig();
  const tokens = [tokenB, `${tokenA}x`, tokenA.slice(0, -1), createToken(crypto), "x", "__proto__"];
  const answers = await Promise.all(
    tokens.map((token) => post(`${rig.gateway.url}/mcp/x`, plain, token)),
  );
  expect(new Set(answers.map(({ text }) => withoutIds(text))).size).toBe(1);
  expect(new Set(answers.map(({ headers }) => JSON.stringify(without(headers)))).size).toBe(1);
  expect(answers[0]?.json().code).toBe("TOKEN_INVALID");
});
