/** How the gateway answers what it does not do: status, number and code of each situation. */
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anyTool } from "../e2e/echo-server.ts";
import { allowAll, authA, authB, modernRequest, post, tokenA } from "../e2e/gateway.ts";
import { type Stand, callOf, openSession, openStand, plenty, withoutId } from "./stand.ts";

let stand: Stand;
let answer: (id: string, response: ServerResponse) => void;
const canary = "canary-in-the-request";
const key = "AKIA" + "IOSFODNN7EXAMPLZ";
const json = { "content-type": "application/json" };
const give = (text: (id: string) => string, status = 200) => {
  answer = (id, response) => {
    response.writeHead(status, json);
    response.end(text(id));
  };
};

beforeAll(async () => {
  stand = await openStand({
    upstream: {
      tools: () => [
        anyTool("echo"),
        anyTool("secret"),
        '{"name":"add","inputSchema":{"type":"object","required":["a"]}}',
      ],
      resources: ['{"uri":"docs://pub/a","name":"a"}'],
      raw: (id, response) => answer(id, response),
    },
    config: (url) => ({
      upstreams: { up: { url, timeoutMs: 300 } },
      clients: {
        a: {
          auth: authA,
          allow: { tools: ["up/echo", "up/add", "up/gone"], resources: ["up/docs://pub/*"] },
          rate: plenty,
          maxRequestBytes: 10_000,
          maxResponseBytes: 20_000,
        },
        b: { auth: authB, allow: allowAll, rate: plenty },
      },
    }),
  });
});
afterAll(() => stand.close());

const mcp = () => `${stand.url}/mcp`;
async function unseen<T>(act: () => Promise<T>): Promise<T> {
  const before = stand.upstream.calls.length;
  const done = await act();
  expect(stand.upstream.calls.slice(before)).toEqual([]);
  return done;
}
const call = () => callOf("up__echo", { c: canary });

describe("answers before the body is read with problem details:", () => {
  test.each<[string, Record<string, string>, string | null, string, number, string]>([
    ["too large", {}, tokenA, "x".repeat(20_000), 413, "BODY_TOO_LARGE"],
    ["the wrong type", { "content-type": "text/plain" }, tokenA, canary, 415, "MEDIA_UNSUPPORTED"],
    ["no token", {}, null, canary, 401, "TOKEN_MISSING"],
    ["a wrong token", {}, `${tokenA}x`, canary, 401, "TOKEN_INVALID"],
    ["a bad Origin", { origin: "https://evil.example" }, tokenA, canary, 403, "ORIGIN_FORBIDDEN"],
  ])("%s", async (_, headers, token, body, status, code) => {
    const all = { ...call().headers, ...headers };
    const told = await unseen(() => post(mcp(), { headers: all, body }, token));
    expect([told.status, told.json().code]).toEqual([status, code]);
    expect(told.headers.get("content-type")).toContain("application/problem+json");
    const problem = told.json() as Record<string, unknown>;
    expect(problem).toMatchObject({ status });
    expect(problem["requestId"]).toMatch(/^[0-9a-f]{32}$/);
    for (const name of ["jsonrpc", "id", "error", "result"])
      expect(problem).not.toHaveProperty(name);
    expect(told.text).not.toContain(canary);
  });
});

describe("answers a body that cannot be understood with 400 and nothing of it:", () => {
  const good = call().body;
  test.each<[string, string | Uint8Array<ArrayBuffer>, number]>([
    ["no JSON", `{"c":"${canary}"`, -32700],
    ["a byte order mark", `\ufeff${good}`, -32700],
    ["bad UTF-8", Uint8Array.from([...Buffer.from(good.slice(0, -1)), 0xff, 0x7d]), -32700],
    ["a duplicate key", good.replace('"id":1', '"id":1,"id":1'), -32600],
    ["too deep", good.replace(`"${canary}"`, "[".repeat(200) + "]".repeat(200)), -32600],
    ["a batch", `[${good}]`, -32600],
    ["the wrong shape", '{"jsonrpc":"2.0","id":1}', -32600],
    ["a null id", good.replace('"id":1', '"id":null'), -32600],
    ["an id that is neither integer nor string", good.replace('"id":1', '"id":1.5'), -32600],
  ])("%s", async (_, body, number) => {
    const headers = { ...call().headers, authorization: `Bearer ${tokenA}` };
    const response = await unseen(() => fetch(mcp(), { method: "POST", headers, body }));
    const text = await response.text();
    const told = JSON.parse(text) as { error: { code: number }; id?: unknown };
    expect([response.status, told.error.code]).toEqual([400, number]);
    expect(told).not.toHaveProperty("id");
    expect(text).not.toContain(canary);
  });
});

describe("answers a modern request that lacks", () => {
  const prefix = "io.modelcontextprotocol/";
  test.each([
    ["protocolVersion", (body: string) => body.replace(`${prefix}protocolVersion`, "x")],
    ["clientCapabilities", (body: string) => body.replace(`${prefix}clientCapabilities`, "x")],
    ["_meta", (body: string) => body.replace('"_meta"', '"meta"')],
  ])("%s with 400 and -32602", async (_, change) => {
    const { headers, body } = call();
    const told = await unseen(() => post(mcp(), { headers, body: change(body) }));
    expect([told.status, told.json().error?.code]).toEqual([400, -32602]);
    expect(told.json().id).toBe(1);
  });

  test("agreement between headers and body with 400 and -32020", async () => {
    const headers = { ...call().headers, "mcp-name": "up__secret" };
    const told = await unseen(() => post(mcp(), { ...call(), headers }));
    expect([told.status, told.json().error?.code]).toEqual([400, -32020]);
  });

  test("a version of ours with 400, -32022 and the versions there are", async () => {
    const version = "2031-01-01";
    const options = {
      headers: { "mcp-protocol-version": version },
      meta: { "io.modelcontextprotocol/protocolVersion": version },
    };
    const told = await unseen(() => post(mcp(), callOf("up__echo", {}, options)));
    expect([told.status, told.json().error?.code]).toEqual([400, -32022]);
    expect(told.json().error?.data).toMatchObject({
      requested: version,
      supported: expect.arrayContaining(["2026-07-28", "2025-11-25"]) as unknown,
    });
  });
});

test("answers an unknown method with -32601, 404 to the modern and 200 to the legacy", async () => {
  const modern = await unseen(() => post(mcp(), modernRequest("tools/destroy")));
  expect([modern.status, modern.json().error?.code, modern.json().id]).toEqual([404, -32601, 1]);
  const { ask } = await openSession(mcp());
  const legacy = await unseen(() => ask("tools/destroy"));
  expect([legacy.status, legacy.json().error?.code]).toEqual([200, -32601]);
});

describe("answers what is forbidden as what does not exist, word for word:", () => {
  test.each<[string, (name: string) => readonly [string, Record<string, unknown>], number]>([
    ["tools", (name) => ["tools/call", { name: `up__${name}`, arguments: {} }], -32602],
    ["prompts", (name) => ["prompts/get", { name: `up__${name}` }], -32602],
    ["resources", (name) => ["resources/read", { uri: `up+docs://${name}/a` }], -32002],
  ])("%s", async (_, ask, legacyNumber) => {
    // Forbidden, allowed but listed by nobody, and of no upstream at all.
    const names = ["secret", "nothing"];
    const modern = await unseen(() =>
      Promise.all(names.map((name) => post(mcp(), modernRequest(...ask(name))))),
    );
    expect(modern[0]?.json().error?.code).toBe(-32602);
    const session = await openSession(mcp());
    const legacy = await unseen(() => Promise.all(names.map((name) => session.ask(...ask(name)))));
    expect(legacy[0]?.json().error?.code).toBe(legacyNumber);
    for (const told of [modern, legacy]) {
      expect(told.map(({ status }) => status)).toEqual([200, 200]);
      expect(withoutId(told[1]?.text ?? "")).toBe(withoutId(told[0]?.text ?? ""));
    }
  });

  test("a tool that is allowed and that nobody lists", async () => {
    const gone = await unseen(() => post(mcp(), callOf("up__gone")));
    const forbidden = await unseen(() => post(mcp(), callOf("up__secret")));
    expect(withoutId(gone.text)).toBe(withoutId(forbidden.text));
  });
});

test("answers arguments that do not fit in a result from 2025-11-25 on, and with -32602 before", async () => {
  const params = { name: "up__add", arguments: {} };
  const modern = await unseen(() => post(mcp(), modernRequest("tools/call", params)));
  expect([modern.status, modern.json().result?.isError]).toEqual([200, true]);
  for (const [revision, isResult] of [
    ["2025-11-25", true],
    ["2025-06-18", false],
    ["2025-03-26", false],
    ["2024-11-05", false],
  ] as const) {
    const { ask } = await openSession(mcp(), tokenA, revision);
    const told = await unseen(() => ask("tools/call", params));
    expect([told.status, told.json().result?.isError]).toEqual([200, isResult ? true : undefined]);
    if (!isResult) expect(told.json().error?.code).toBe(-32602);
  }
});

describe("answers for an upstream with -32603 and fixed words where it", () => {
  const trace = `Error: ${canary} at /srv/secret.js:1`;
  test.each<[string, typeof answer, string, number]>([
    ["is late", () => undefined, "UPSTREAM_TIMEOUT", 504],
    [
      "gives garbage",
      (_, response) => response.writeHead(200, json).end(trace),
      "UPSTREAM_INVALID",
      502,
    ],
    [
      "gives another type",
      (_, response) => response.writeHead(200, { "content-type": "text/html" }).end(trace),
      "UPSTREAM_INVALID",
      502,
    ],
    [
      "redirects",
      (_, response) => response.writeHead(302, { location: "http://169.254.169.254/" }).end(trace),
      "UPSTREAM_UNAVAILABLE",
      502,
    ],
    [
      "answers 400",
      (_, response) => response.writeHead(400).end(trace),
      "UPSTREAM_UNAVAILABLE",
      502,
    ],
    [
      "answers 401",
      (_, response) => response.writeHead(401).end(trace),
      "UPSTREAM_UNAVAILABLE",
      502,
    ],
    [
      "answers 500",
      (_, response) => response.writeHead(500).end(trace),
      "UPSTREAM_UNAVAILABLE",
      502,
    ],
  ])("%s", async (_, act, code, status) => {
    answer = act;
    const modern = await post(mcp(), call());
    expect([modern.status, modern.json().error?.code]).toEqual([status, -32603]);
    const { ask } = await openSession(mcp());
    const legacy = await ask("tools/call", { name: "up__echo", arguments: {} });
    expect([legacy.status, legacy.json().error?.code]).toEqual([200, -32603]);
    for (const told of [modern, legacy]) {
      expect(told.json().error?.data.code).toBe(code);
      expect(told.text).not.toMatch(/canary|secret\.js|169\.254|html/);
    }
  });

  test("is too large, in either era", async () => {
    give((id) => `{"jsonrpc":"2.0","id":${id},"result":{"content":["${"x".repeat(30_000)}"]}}`);
    const told = await post(mcp(), call());
    expect([told.status, told.json().error?.data.code]).toEqual([200, "RESPONSE_TOO_LARGE"]);
    expect(told.text.length).toBeLessThan(1_000);
  });
});

describe("answers an upstream's own error in the caller's dialect:", () => {
  const fail = (code: number) => (id: string) =>
    `{"jsonrpc":"2.0","id":${id},"error":{"code":${code},"message":"no ${key}","data":{"k":"${key}"}}}`;
  async function both() {
    const modern = await post(mcp(), call());
    const { ask } = await openSession(mcp());
    const legacy = await ask("tools/call", { name: "up__echo", arguments: {} });
    for (const told of [modern, legacy]) {
      expect(told.status).toBe(200);
      expect(told.text).not.toContain(key);
    }
    return [modern.json().error?.code, legacy.json().error?.code];
  }

  test.each([
    [-32601, -32601, -32601],
    [-32602, -32602, -32602],
    [-32002, -32602, -32002],
    [-32000, -32000, -32000],
    [7, 7, 7],
  ])("%i", async (code, modern, legacy) => {
    give(fail(code));
    expect(await both()).toEqual([modern, legacy]);
  });

  test.each([-32020, -32021, -32022, -32042])("%i, which concerns our hop", async (code) => {
    give(fail(code));
    const before = stand.upstream.calls.length;
    for (const own of await both()) expect(own).not.toBe(code);
    // At the most one more try for each of the two calls.
    expect(stand.upstream.calls.length - before).toBeLessThanOrEqual(4);
  });

  test("and one that asks for what nobody granted is INPUT_DENIED", async () => {
    for (const code of [-32021, -32042]) {
      give(fail(code));
      expect((await post(mcp(), call())).json().error?.data.code).toBe("INPUT_DENIED");
    }
  });
});
