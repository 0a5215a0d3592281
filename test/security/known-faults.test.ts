/** Faults that an earlier gateway of this kind was known for: each is looked for from outside. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseConfig } from "../../src/config/index.ts";
import { Secret } from "../../src/core/index.ts";
import { createToken, hashToken } from "../../src/identity/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
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
import { openRaw, sendRaw, statusOf } from "../runtime/raw.ts";
import { githubToken } from "../sanitize/samples.ts";
import { sendJson } from "../upstreams/fake-server.ts";
import {
  answerText,
  closeLater,
  closeRigs,
  headText,
  listText,
  okText,
  openRig,
  openServer,
  openSession,
  reply,
  toolText,
} from "./rig.ts";

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

const call = (name: string, options: Parameters<typeof modernRequest>[2] = {}) =>
  modernRequest("tools/call", { name, arguments: {} }, options);

test("the first request after the start is answered, not 429, even of a client that may send one a minute", async () => {
  for (const rate of [{ burst: 1, perSecond: 1 / 60 }, { burst: 100 }, {}]) {
    const rig = await openRig({}, { client: { rate } });
    const first = await rig.call();
    expect([first.status, first.text]).toEqual([200, answerText(okText)]);
  }
  const old = await openRig({}, { client: { rate: { burst: 2, perSecond: 1 / 60 } } });
  const session = await openSession(`${old.gateway.url}/mcp/x`);
  expect((await session("tools/call", { name: "t", arguments: {} })).status).toBe(200);
});

test("the tool's name is read from params.name, never from the method", async () => {
  const rig = await openRig(
    {
      "tools/list": reply(listText("tools", [toolText("t"), toolText("call"), toolText("other")])),
    },
    { client: { allow: { tools: ["x/t"] } } },
  );
  for (const method of ["tools/t", "t", "x/t", "tools/call/t"]) {
    const answer = await rig.ask(method, { name: "t", arguments: {} });
    expect(answer.json().error?.data.code).toBe("METHOD_UNKNOWN");
  }
  // The method's own last word is no name: neither allowed nor refused for it.
  for (const name of ["call", "other", "tools/call"]) {
    expect((await rig.ask("tools/call", { name, arguments: {} })).json().error?.data.code).toBe(
      "TARGET_UNKNOWN",
    );
  }
  expect(rig.forwarded()).toEqual([]);
  await rig.call();
  expect(rig.forwarded().map(({ method }) => method)).toEqual(["tools/call"]);
  expect(rig.forwarded()[0]?.params).toContain('"name":"t"');
});

test("an empty allow-list allows nothing, however it is left empty", async () => {
  const acts = {
    "resources/list": reply(listText("resources", ['{"uri":"a:b","name":"r"}'])),
    "resources/templates/list": reply(
      listText("resourceTemplates", ['{"uriTemplate":"a:{b}","name":"r"}']),
    ),
  };
  for (const allow of [undefined, {}, { tools: [], resources: [], prompts: [] }]) {
    const rig = await openRig(acts, { client: { allow } });
    const { url } = rig.gateway;
    for (const [method, key] of [
      ["tools/list", "tools"],
      ["prompts/list", "prompts"],
      ["resources/list", "resources"],
      ["resources/templates/list", "resourceTemplates"],
    ] as const) {
      expect((await post(`${url}/mcp`, modernRequest(method))).json().result?.[key]).toEqual([]);
      expect((await rig.ask(method)).json().result).toBeUndefined();
    }
    const tries = [
      ["tools/call", { name: "x__t", arguments: {} }],
      ["prompts/get", { name: "x__p" }],
      ["resources/read", { uri: "x+a:b" }],
      [
        "completion/complete",
        { ref: { type: "ref/prompt", name: "x__p" }, argument: { name: "a", value: "" } },
      ],
    ] as const;
    for (const [method, params] of tries) {
      const answer = await post(`${url}/mcp`, modernRequest(method, params));
      expect(answer.json().error?.data.code).toBe("TARGET_UNKNOWN");
    }
    expect(rig.methods().filter((method) => !method.startsWith("server/"))).toEqual([]);
  }
});

test.each([
  "weather:/evil",
  "weather:evil",
  "weather:",
  "weather:/",
  "weatherx://a/b",
  "xweather://a/b",
  "WEATHER://a/b",
  "weather://a/../b",
  "weather://a/%2e%2e/b",
  "weather://a\\b",
  "weather://u@a/b",
  "file:///weather://a",
  " weather://a/b",
  "weather://a/b\n",
])("weather://* does not match %j", async (uri) => {
  const rig = await openRig(
    { "*": reply(okText) },
    { client: { allow: { resources: ["x/weather://*"] } } },
  );
  const headers = { "mcp-name": `=?base64?${Buffer.from(uri).toString("base64")}?=` };
  const answer = await rig.ask("resources/read", { uri }, { headers });
  expect(answer.json().error?.data.code).toBe("TARGET_UNKNOWN");
  expect(rig.forwarded()).toEqual([]);
  await rig.ask("resources/read", { uri: "weather://paris/now" });
  expect(rig.forwarded()).toHaveLength(1);
});

test("tokens cannot be guessed, and are not stored in the clear", async () => {
  const { crypto } = await openRuntime();
  const tokens = Array.from({ length: 200 }, () => createToken(crypto));
  expect(new Set(tokens.map((token) => token.slice(0, 20))).size).toBe(200);
  for (const token of tokens) expect(token).toMatch(/^mcpgw_[\w-]{43}[\w-]{6}$/);
  const [token = ""] = tokens;
  const rig = await openRig({}, { client: { auth: { tokenSha256: hashToken(token, crypto) } } });
  const ask = (bearer: string) => post(`${rig.gateway.url}/mcp/x`, call("t"), bearer);
  expect((await ask(token)).status).toBe(200);
  for (const guess of [
    tokens[1]!,
    hashToken(token, crypto),
    token.slice(0, -1),
    "a",
    "client-a",
    "test",
  ]) {
    expect((await ask(guess)).status).toBe(401);
  }
  for (const file of await readdir(rig.gateway.folder)) {
    expect(await readFile(join(rig.gateway.folder, file), "utf8")).not.toContain(token);
  }
  expect(logged.join("")).not.toContain(token);
  const short = { clients: { a: { auth: { token: new Secret("short-token-1") } } } };
  expect(parseConfig(short, { ...crypto, now: Date.now() }).config).toBeUndefined();
});

const paths = [
  "/register",
  "/oauth/register",
  "/clients",
  "/token",
  "/tokens",
  "/auth",
  "/login",
  "/audit",
  "/audit/logs",
  "/logs",
  "/admin",
  "/api",
  "/config",
  "/debug",
  "/metrics",
  "/policy",
  "/mcp/x/register",
  "/mcp/../audit",
  "/.env",
  "/",
];

test("there is no open endpoint to register at or to read the audit from", async () => {
  const rig = await openRig();
  await rig.call();
  for (const path of paths) {
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      for (const authorization of [undefined, `Bearer ${tokenA}`]) {
        const own = authorization === undefined ? "" : `authorization: ${authorization}\r\n`;
        const port = Number(new URL(rig.gateway.url).port);
        const answer = await sendRaw(
          port,
          `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n${own}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
        );
        expect([method, path, statusOf(answer)]).toEqual([method, path, 404]);
        expect(answer).not.toMatch(/"decision"|"hash"|tools\/call/);
      }
    }
  }
});

test("each client's origins are its own", async () => {
  const server = await openServer({});
  const gateway = await runGateway({
    upstreams: { x: { url: server.url } },
    clients: {
      a: { auth: authA, allow: allowAll, origins: ["https://a.example"] },
      b: { auth: authB, allow: allowAll, origins: ["https://b.example"] },
    },
  });
  closeLater(gateway.close);
  const from = (origin: string, token: string) =>
    post(`${gateway.url}/mcp/x`, call("t", { headers: { origin } }), token);
  for (const [origin, token, status] of [
    ["https://a.example", tokenA, 200],
    ["https://b.example", tokenB, 200],
    ["https://b.example", tokenA, 403],
    ["https://a.example", tokenB, 403],
    ["https://c.example", tokenA, 403],
    ["https://a.example.evil", tokenA, 403],
    ["http://a.example", tokenA, 403],
    ["https://a.example:444", tokenA, 403],
    ["https://A.example", tokenA, 403],
    ["null", tokenA, 403],
  ] as const) {
    const answer = await from(origin, token);
    expect([origin, answer.status]).toEqual([origin, status]);
    const allowed = answer.headers.get("access-control-allow-origin");
    if (status === 200) expect(allowed).toBe(origin);
    else expect([answer.json().code, allowed === "*"]).toEqual(["ORIGIN_FORBIDDEN", false]);
  }
  expect(server.forwarded()).toHaveLength(2);
});

test("text is sanitized, and keys of the protocol's schema such as progressToken are not", async () => {
  const build = (secret: string): string =>
    `{"content":[{"type":"text","text":"key ${secret} progressToken=7"}],"structuredContent":{"progressToken":"abc","nextCursor":"abc","note":"${secret}"},"_meta":{"progressToken":"${githubToken}"},"resultType":"complete"}`;
  const tool =
    '{"name":"t","inputSchema":{"type":"object","properties":{"progressToken":{"type":"string"},"password":{"type":"string"},"token":{"type":"string"}}}}';
  const rig = await openRig({
    "tools/call": reply(build(githubToken)),
    "tools/list": reply(listText("tools", [tool])),
  });
  expect((await rig.ask("tools/list")).text).toContain(tool);
  expect((await rig.call()).text).toBe(answerText(build("[redacted:github-token]")));
});

test("refused calls are recorded, with who, what and why", async () => {
  const rig = await openRig({}, { client: { allow: { tools: ["x/t"] } } });
  await rig.ask("tools/call", { name: "other", arguments: { a: 1 } });
  await post(`${rig.gateway.url}/mcp/x`, call("t"), tokenB);
  expect(await rig.records()).toMatchObject([
    {
      client: "a",
      method: "tools/call",
      upstream: "x",
      target: "other",
      decision: "denied",
      code: "POLICY_DENIED",
      args: { value: { a: 1 } },
      address: "127.0.0.1",
      status: 200,
    },
    { decision: "denied", code: "TOKEN_INVALID", address: "127.0.0.1", status: 401 },
  ]);
});

test("no internal error text reaches a client", async () => {
  const inner = "ECONNREFUSED 10.1.2.3:5432 at /srv/app/db.js:7:1";
  const rig = await openRig({
    "tools/call": (_, response) => response.writeHead(500, { "x-powered-by": inner }).end(inner),
    "prompts/get": (_, response) => sendJson(response, inner),
    "resources/read": (_, response) => response.destroy(),
  });
  const gone = await openRig({}, { upstream: { url: "http://127.0.0.1:9/mcp" } });
  const all = [
    await rig.call(),
    await rig.ask("prompts/get", { name: "p" }),
    await rig.ask("resources/read", { uri: "a:b" }),
    await gone.call(),
    await post(`${rig.gateway.url}/mcp/x`, { ...call("t"), body: "{" }),
    await post(`${rig.gateway.url}/mcp/x`, call("t"), "wrong"),
    await post(`${rig.gateway.url}/nowhere`, call("t")),
  ];
  const texts = [
    "The server is not available",
    "The server gave an invalid answer",
    "The server is not available",
    "The server is not available",
    "The message is not a valid JSON-RPC message",
    "The bearer token is not accepted",
    "There is no endpoint at this path",
  ];
  for (const [index, answer] of all.entries()) {
    const { error, ...problem } = answer.json() as { error?: { message: string }; title?: string };
    expect(error?.message ?? problem.title).toBe(texts[index]);
    expect(answer.text + JSON.stringify([...answer.headers])).not.toMatch(
      /ECONN|10\.1|srv|\.js|SyntaxError|Unexpected|at position|127\.0\.0\.1:9/,
    );
  }
});

test("size is enforced before anything is parsed, and before it is sent where it is declared", async () => {
  const rig = await openRig({}, { client: { maxRequestBytes: 10_000 } });
  const port = Number(new URL(rig.gateway.url).port);
  const garbage = `${'{"a":'.repeat(5_000)}\ufeff`;
  const declared = await post(`${rig.gateway.url}/mcp/x`, { ...call("t"), body: garbage });
  expect([declared.status, declared.json().code]).toEqual([413, "BODY_TOO_LARGE"]);
  const { headers } = call("t");
  const unsent = openRaw(port, headText(rig, { ...headers, "content-length": "10001" }));
  expect(statusOf(await unsent.until("}"))).toBe(413);
  const chunked = openRaw(port, headText(rig, { ...headers, "transfer-encoding": "chunked" }));
  chunked.socket.write(`4e20\r\n${"[".repeat(20_000)}\r\n`);
  expect(statusOf(await chunked.until("}"))).toBe(413);
  for (const { socket } of [unsent, chunked]) socket.destroy();
  // One byte less is read, and only then found to be no JSON.
  const fitting = await post(`${rig.gateway.url}/mcp/x`, {
    ...call("t"),
    body: "{".repeat(10_000),
  });
  expect([fitting.status, fitting.json().error?.data.code]).toEqual([400, "MESSAGE_MALFORMED"]);
  expect(rig.forwarded()).toEqual([]);
});
