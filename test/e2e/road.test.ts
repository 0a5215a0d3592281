import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EchoServer, anyTool, startEchoServer } from "./echo-server.ts";
import {
  type RunningGateway,
  authA,
  authB,
  modernRequest,
  post,
  runGateway,
  tokenA,
  tokenB,
} from "./gateway.ts";

let server: EchoServer;
let gateway: RunningGateway;
const awsKey = "AKIA" + "IOSFODNN7EXAMPLZ";

beforeAll(async () => {
  server = await startEchoServer({
    tools: () => [
      anyTool("echo"),
      anyTool("leak"),
      anyTool("hidden"),
      `{"name":"add","inputSchema":{"type":"object","properties":{"a":{"type":"integer"},"path":{"type":"string"}},"required":["a"],"additionalProperties":true}}`,
    ],
    resources: [`{"uri":"weather://paris/now","name":"Paris"}`],
    result: (params) =>
      params.includes('"name":"leak"')
        ? `{"content":[{"type":"text","text":"key ${awsKey} end"}],"structuredContent":{"progressToken":"abc","note":"${awsKey}"},"resultType":"complete"}`
        : `{"content":[{"type":"text","text":"ok"}],"structuredContent":${params},"big":12345678901234567890,"one":1.0,"huge":1e400,"esc":"\\u0041","resultType":"complete","later":[{"type":"hologram","x":-0}]}`,
  });
  gateway = await runGateway({
    upstreams: { weather: { url: server.url } },
    clients: {
      a: {
        auth: authA,
        allow: {
          tools: ["weather/echo", "weather/leak", "weather/add"],
          resources: ["weather/weather://*"],
        },
        origins: ["https://a.example.com"],
        maxRequestBytes: 20_000,
      },
      b: {
        auth: authB,
        allow: {},
        rate: { burst: 3, perSecond: 0.001 },
        origins: ["https://b.example.com"],
      },
    },
    rules: [
      {
        name: "no-etc",
        on: "weather/add",
        when: { args: { path: { glob: "/etc/*" } } },
        then: "deny",
        why: "System files are private",
      },
    ],
  });
});
afterAll(async () => {
  await gateway.close();
  await server.close();
});

const call = (name: string, args: unknown = {}, options = {}) =>
  modernRequest("tools/call", { name, arguments: args }, options);

async function lastRecord(): Promise<Record<string, unknown>> {
  return (await gateway.records()).filter(({ kind }) => kind === "exchange").at(-1) ?? {};
}

describe("faults that gateways are known for", () => {
  test("the first request after the start is answered", async () => {
    const answer = await post(`${gateway.url}/mcp`, call("weather__echo"));
    expect(answer.status).toBe(200);
    expect(answer.json().result?.content?.[0]?.text).toBe("ok");
  });

  test("the tool's name is read from params.name, never from the method", async () => {
    const answer = await post(`${gateway.url}/mcp`, {
      ...modernRequest("tools/weather__echo", { name: "weather__echo" }),
    });
    expect(answer.status).toBe(404);
    expect(answer.json().error?.data.code).toBe("METHOD_UNKNOWN");
  });

  test("an empty allow-list allows nothing", async () => {
    const list = await post(`${gateway.url}/mcp`, modernRequest("tools/list"), tokenB);
    expect(list.json().result?.tools).toEqual([]);
    const answer = await post(`${gateway.url}/mcp`, call("weather__echo"), tokenB);
    expect(answer.json().error).toMatchObject({ code: -32602, data: { code: "TARGET_UNKNOWN" } });
  });

  test("weather://* does not match weather:/evil", async () => {
    const read = (uri: string) =>
      post(`${gateway.url}/mcp`, modernRequest("resources/read", { uri }));
    const before = server.calls.length;
    expect((await read("weather+weather:/evil")).json().error?.data.code).toBe("TARGET_UNKNOWN");
    expect((await read("weather+weather://a/../b")).json().error?.data.code).toBe("TARGET_UNKNOWN");
    expect(server.calls.length).toBe(before);
    expect((await read("weather+weather://paris/now")).json().result).toBeDefined();
  });

  test("an origin counts for its own client alone", async () => {
    const headers = { origin: "https://b.example.com" };
    const other = await post(`${gateway.url}/mcp`, call("weather__echo", {}, { headers }));
    expect(other.status).toBe(403);
    expect(other.json().code).toBe("ORIGIN_FORBIDDEN");
    const own = await post(
      `${gateway.url}/mcp`,
      call("weather__echo", {}, { headers: { origin: "https://a.example.com" } }),
    );
    expect(own.headers.get("access-control-allow-origin")).toBe("https://a.example.com");
  });

  test("text is cleaned and protocol keys such as progressToken are not", async () => {
    const answer = await post(`${gateway.url}/mcp`, call("weather__leak"));
    expect(answer.text).not.toContain(awsKey);
    expect(answer.text).toContain('"progressToken":"abc"');
    const record = await lastRecord();
    expect(record["redactions"]).not.toEqual([]);
    expect(JSON.stringify(record)).not.toContain(awsKey);
  });

  test("a refused call is recorded with what really was the reason", async () => {
    await post(`${gateway.url}/mcp`, call("weather__hidden", { secret: 1 }));
    expect(await lastRecord()).toMatchObject({
      client: "a",
      decision: "denied",
      stage: "authorize",
      code: "POLICY_DENIED",
      target: "hidden",
      upstream: "weather",
    });
  });

  test("a body over the client's size is refused before it is parsed", async () => {
    const answer = await post(`${gateway.url}/mcp`, {
      ...call("weather__echo"),
      body: "x".repeat(30_000),
    });
    expect(answer.status).toBe(413);
    expect(answer.json().code).toBe("BODY_TOO_LARGE");
  });

  test.each([
    "/register",
    "/audit",
    "/admin",
    "/metrics",
    "/policy",
    "/mcp/",
    "//mcp",
    "/MCP",
    "/mcp%2Fweather",
    "/%6dcp",
  ])("there is nothing at %s", async (path) => {
    const answer = await post(gateway.url + path, call("weather__echo"));
    expect(answer.status).toBe(404);
  });
});

describe("policy", () => {
  test("a list shows exactly what may be called", async () => {
    const list = await post(`${gateway.url}/mcp`, modernRequest("tools/list"));
    const names = list.json().result?.tools?.map(({ name }) => name);
    expect(names).toEqual(["weather__echo", "weather__leak", "weather__add"]);
    expect(list.json().result).toMatchObject({ cacheScope: "private", ttlMs: 60_000 });
  });

  test("unknown and forbidden are answered word for word alike", async () => {
    const strip = (text: string) => text.replace(/"requestId":"[^"]*"/, "");
    const forbidden = await post(`${gateway.url}/mcp`, call("weather__hidden"));
    const unknown = await post(`${gateway.url}/mcp`, call("weather__nothing"));
    const elsewhere = await post(`${gateway.url}/mcp`, call("nowhere__nothing"));
    expect(strip(forbidden.text)).toBe(strip(unknown.text));
    expect(strip(elsewhere.text)).toBe(strip(unknown.text));
    expect(forbidden.status).toBe(200);
  });

  test("a rule with a condition refuses with its why, in a result the model can read", async () => {
    const before = server.calls.length;
    const answer = await post(`${gateway.url}/mcp`, call("weather__add", { a: 1, path: "/etc/x" }));
    expect(answer.json().result?.isError).toBe(true);
    expect(answer.json().result?.content?.[0]?.text).toContain("System files are private");
    expect(server.calls.length).toBe(before);
    expect(await lastRecord()).toMatchObject({ code: "RULE_DENIED", rules: [{ name: "no-etc" }] });
  });

  test.each([
    ["a missing argument", {}],
    ["an argument of the wrong type", { a: "x" }],
    ["an argument in the wrong case", { a: 1, A: 2 }],
  ])("arguments that do not fit the schema are refused: %s", async (_, args) => {
    const answer = await post(`${gateway.url}/mcp`, call("weather__add", args));
    expect(answer.json().result).toMatchObject({ isError: true });
    expect(answer.json().result?.content?.[0]?.text).toContain("ARGUMENTS_INVALID");
  });

  test.each([
    "Weather__echo",
    "weather__Echo",
    "weather__echo ",
    " weather__echo",
    "weather__echo\u200b",
    "weather__echo\0",
    "weather__e\u0441ho",
    "weather__*",
    "weather__.*",
    "__proto__",
    "constructor",
    "weather__echo\r\n",
    "weather__%65cho",
    "weather__\uff45cho",
    "weather__e\u00adcho",
    "weather/echo",
    "weather____proto__",
  ])("no spelling of a name but its own reaches the server: %j", async (name) => {
    const before = server.calls.length;
    const encoded = `=?base64?${Buffer.from(name).toString("base64")}?=`;
    const answer = await post(
      `${gateway.url}/mcp`,
      call(name, {}, { headers: { "mcp-name": encoded } }),
    );
    expect(answer.json().error?.data.code).toBe("TARGET_UNKNOWN");
    expect(server.calls.length).toBe(before);
  });
});

describe("fidelity", () => {
  test("what is not changed is passed on byte for byte, in both directions", async () => {
    const args =
      '{ "big": 12345678901234567890, "one":1.0,"huge":1e400, "esc":"\\u0041\\/", "nested":{"z":1,"a":[1.50,-0.0]} }';
    const request = call("weather__echo");
    const body = request.body.replace('"arguments":{}', `"x-new":{"a" : 1},"arguments":${args}`);
    const answer = await post(`${gateway.url}/mcp`, { ...request, body });
    const sent = server.calls.at(-1)?.body ?? "";
    expect(sent).toContain(`"name":"echo","x-new":{"a" : 1},"arguments":${args}`);
    expect(answer.text).toContain(args);
    expect(answer.text).toContain(
      '"big":12345678901234567890,"one":1.0,"huge":1e400,"esc":"\\u0041","resultType":"complete","later":[{"type":"hologram","x":-0}]',
    );
  });

  test("the record counts bytes, in and out", async () => {
    const request = call("weather__echo", { text: "世界 ü" });
    const answer = await post(`${gateway.url}/mcp`, request);
    expect(await lastRecord()).toMatchObject({
      bytesIn: Buffer.byteLength(request.body),
      bytesOut: Buffer.byteLength(answer.text),
    });
  });

  test("the caller's own id comes back as it was spelt", async () => {
    for (const id of [7, "seven", 9007199254740991, "7"]) {
      const answer = await post(`${gateway.url}/mcp`, call("weather__echo", {}, { id }));
      expect(answer.json().id).toBe(id);
    }
  });

  test("no credential and no foreign header crosses", async () => {
    await post(
      `${gateway.url}/mcp`,
      call(
        "weather__echo",
        {},
        { headers: { cookie: "a=b", "x-api-key": "k", "mcp-param-zone": "eu" } },
      ),
    );
    const seen = server.calls.at(-1);
    expect(seen?.headers["authorization"]).toBeUndefined();
    expect(seen?.headers["cookie"]).toBeUndefined();
    expect(seen?.headers["x-api-key"]).toBeUndefined();
    expect(seen?.headers["mcp-name"]).toBe("echo");
    expect(seen?.headers["mcp-param-zone"]).toBe("eu");
    expect(JSON.stringify(seen)).not.toContain(tokenA);
  });
});

describe("bad input", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  const valid = call("weather__echo").body;
  test.each([
    ["not JSON", "{", 400, -32700],
    ["a byte order mark", `\ufeff${valid}`, 400, -32700],
    ["a duplicate key", valid.replace('"id":1', '"id":1,"id":2'), 400, -32600],
    ["an escaped duplicate key", valid.replace('"name"', '"n\\u0061me":"a","name"'), 400, -32600],
    [
      "a deep duplicate key",
      valid.replace('"arguments":{}', '"arguments":{"a":{"b":1,"b":2}}'),
      400,
      -32600,
    ],
    [
      "nesting of 10,000",
      valid.replace('"arguments":{}', `"arguments":{"a":${nested(9_000)}}`),
      400,
      -32600,
    ],
    ["a batch", `[${valid}]`, 400, -32600],
    ["a null id", valid.replace('"id":1', '"id":null'), 400, -32600],
    ["a fractional id", valid.replace('"id":1', '"id":1.5'), 400, -32600],
    ["a key in the wrong case", valid.replace('"method"', '"Method"'), 400, -32600],
    [
      "a folded key in params",
      valid.replace('"arguments":{}', '"arguments":{},"Arguments":{}'),
      400,
      -32600,
    ],
    ["a long s in a key", valid.replace('"arguments":{}', '"argument\u017f":{}'), 400, -32600],
    ["__proto__", valid.replace('"arguments":{}', '"arguments":{"__proto__":{}}'), 400, -32600],
    ["two documents", valid + valid, 400, -32700],
    ["a comment", `/* */${valid}`, 400, -32700],
    ["NaN", valid.replace('"arguments":{}', '"arguments":{"a":NaN}'), 400, -32700],
    ["no params.name", valid.replace('"name":"weather__echo",', ""), 200, -32602],
    ["no capabilities", valid.replace("clientCapabilities", "other"), 400, -32602],
  ])("%s", async (_, body, status, code) => {
    const before = (await gateway.records()).length;
    const calls = server.calls.length;
    const answer = await post(`${gateway.url}/mcp`, { ...call("weather__echo"), body });
    expect([answer.status, answer.json().error?.code]).toEqual([status, code]);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(server.calls.length).toBe(calls);
    expect((await gateway.records()).length).toBe(before + 1);
  });

  test.each([
    ["Mcp-Name", { "mcp-name": "weather__leak" }],
    ["Mcp-Method", { "mcp-method": "tools/list" }],
    ["MCP-Protocol-Version", { "mcp-protocol-version": "2025-11-25" }],
  ])("a %s unlike the body", async (_, headers) => {
    const answer = await post(`${gateway.url}/mcp`, call("weather__echo", {}, { headers }));
    expect([answer.status, answer.json().error?.code]).toEqual([400, -32020]);
  });

  test("a revision nobody speaks is told which ones are", async () => {
    const answer = await post(
      `${gateway.url}/mcp`,
      call(
        "weather__echo",
        {},
        {
          headers: { "mcp-protocol-version": "1900-01-01" },
          meta: { "io.modelcontextprotocol/protocolVersion": "1900-01-01" },
        },
      ),
    );
    expect([answer.status, answer.json().error?.code]).toEqual([400, -32022]);
    expect(answer.json().error?.data).toMatchObject({ requested: "1900-01-01" });
  });

  test("other media types are refused", async () => {
    for (const type of [
      "text/plain",
      "application/json; charset=latin1",
      "application/jsonx",
      "",
    ]) {
      const answer = await post(`${gateway.url}/mcp`, {
        ...call("weather__echo"),
        headers: { ...call("weather__echo").headers, "content-type": type },
      });
      expect(answer.json().code).toBe("MEDIA_UNSUPPORTED");
    }
  });
});

describe("tokens", () => {
  test.each([
    ["none", {}, "TOKEN_MISSING"],
    ["another scheme", { authorization: `Basic ${tokenA}` }, "TOKEN_INVALID"],
    ["one letter off", { authorization: `Bearer ${tokenA}x` }, "TOKEN_INVALID"],
    ["a prototype key", { authorization: "Bearer __proto__" }, "TOKEN_INVALID"],
    ["a cookie", { cookie: `token=${tokenA}` }, "TOKEN_MISSING"],
    ["another header", { "x-api-key": tokenA, "x-forwarded-user": "a" }, "TOKEN_MISSING"],
  ])("%s", async (_, headers, code) => {
    const request = call("weather__echo");
    const answer = await post(
      `${gateway.url}/mcp?access_token=${tokenA}`,
      { ...request, headers: { ...request.headers, ...headers } },
      null,
    );
    expect([answer.status, answer.json().code]).toEqual([401, code]);
    expect(answer.headers.get("www-authenticate")).toContain("Bearer");
    expect(answer.text).not.toContain(tokenA);
  });

  test("two in one header are refused by whoever sees them first", async () => {
    const request = call("weather__echo");
    const authorization = `Bearer ${tokenA}, Bearer ${tokenA}`;
    const headers = { ...request.headers, authorization };
    const answer = await post(`${gateway.url}/mcp`, { ...request, headers }, null);
    // Deno's listener joins headers that came twice, so a comma is a second one there.
    const isDeno = "Deno" in globalThis;
    const expected = isDeno ? [400, "MESSAGE_MALFORMED"] : [401, "TOKEN_INVALID"];
    expect([answer.status, answer.json().code]).toEqual(expected);
    expect(answer.text).not.toContain(tokenA);
  });

  test("no record holds a token", async () => {
    expect(JSON.stringify(await gateway.records())).not.toContain(tokenA);
  });
});

test("the call after the burst is refused with the time to wait, and others are unaffected", async () => {
  let refused = await post(`${gateway.url}/mcp`, call("weather__echo"), tokenB);
  for (let i = 0; i < 4; i++) {
    refused = await post(`${gateway.url}/mcp`, call("weather__echo"), tokenB);
  }
  expect(refused.status).toBe(429);
  expect(refused.json().code).toBe("RATE_EXCEEDED");
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(refused.headers.get("ratelimit")).toContain("r=0");
  const other = await post(`${gateway.url}/mcp`, call("weather__echo"));
  expect(other.status).toBe(200);
});
