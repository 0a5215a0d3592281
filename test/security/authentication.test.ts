/** Authentication (A): who is not known, gets nothing and learns nothing. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createGateway, defineConfig } from "../../src/index.ts";
import { allowAll, authA, authB, modernRequest, post, tokenA, tokenB } from "../e2e/gateway.ts";
import { problemOf, sendRaw, statusOf } from "../runtime/raw.ts";
import { type Stand, callOf, freshAddress, openStand, plenty, rawCall } from "./stand.ts";

let stand: Stand;

beforeAll(async () => {
  stand = await openStand({
    config: (url) => ({
      trustedProxies: ["127.0.0.1"],
      upstreams: { up: { url }, other: { url } },
      clients: {
        a: { auth: authA, allow: { tools: ["up/*"] }, rate: plenty },
        b: { auth: authB, allow: allowAll, rate: plenty },
      },
    }),
  });
});
afterAll(() => stand.close());

type Headers = readonly (readonly [string, string])[];

/** Sends the call with these headers and no other token, from an address of its own. */
async function sendAs(headers: Headers, target = "/mcp") {
  const from = ["x-forwarded-for", freshAddress()] as const;
  const all = headers.some(([name]) => /^authorization$/i.test(name))
    ? headers
    : [["authorization", ""] as const, ...headers];
  // A name with an empty value stands for "not sent".
  const bytes = rawCall("up__echo", [from, ...all], target).replace("authorization: \r\n", "");
  const records = (await stand.records()).length;
  const answer = await sendRaw(stand.port, bytes);
  return { answer, address: from[1], records: (await stand.records()).slice(records) };
}

async function expectStranger(headers: Headers, code: string, target?: string): Promise<void> {
  const { answer, address, records } = await sendAs(headers, target);
  expect([statusOf(answer), problemOf(answer).code]).toEqual([401, code]);
  expect(answer).toMatch(/^www-authenticate: Bearer/im);
  expect(answer).toMatch(/^content-type: application\/problem\+json/im);
  expect(records).toMatchObject([{ decision: "denied", code, address }]);
  expect(records[0]).not.toHaveProperty("client");
  expect(stand.upstream.all).toEqual([]);
  const trace = await stand.trace();
  for (const secret of [tokenA, tokenA.slice(0, 20), tokenA.toUpperCase()]) {
    expect(answer).not.toContain(secret);
    expect(trace).not.toContain(secret);
  }
}

describe("A1 an Authorization header that is not one good bearer token is refused:", () => {
  const digest = createHash("sha256").update(tokenA).digest("hex");
  const half = tokenA.slice(0, tokenA.length / 2);
  test.each([
    ["nothing after the scheme", "Bearer"],
    ["a token without a scheme", tokenA],
    ["half a token", `Bearer ${half}`],
    ["all but the last letter", `Bearer ${tokenA.slice(0, -1)}`],
    ["all but the first letter", `Bearer ${tokenA.slice(1)}`],
    ["one letter more", `Bearer ${tokenA}x`],
    ["another last letter", `Bearer ${tokenA.slice(0, -1)}x`],
    ["upper case", `Bearer ${tokenA.toUpperCase()}`],
    ["a percent-encoded letter", `Bearer ${tokenA.replace("a", "%61")}`],
    ["quotes", `Bearer "${tokenA}"`],
    ["two spaces", `Bearer  ${tokenA}`],
    ["a tab", `Bearer\t${tokenA}`],
    ["a colon", `Bearer: ${tokenA}`],
    ["a word behind it", `Bearer ${tokenA} x`],
    ["padding", `Bearer ${tokenA}=`],
    ["the scheme twice", `Bearer Bearer ${tokenA}`],
    ["a letter before the scheme", `xBearer ${tokenA}`],
    ["Basic with the token", `Basic ${tokenA}`],
    ["Basic with the token as password", `Basic ${btoa(`a:${tokenA}`)}`],
    ["Token", `Token ${tokenA}`],
    ["DPoP", `DPoP ${tokenA}`],
    ["Digest", `Digest ${tokenA}`],
    ["ApiKey", `ApiKey ${tokenA}`],
    ["the digest that a config may hold", `Bearer ${digest}`],
    ["the client's name", "Bearer a"],
    ["__proto__", "Bearer __proto__"],
    ["constructor", "Bearer constructor"],
    ["toString", "Bearer toString"],
    ["hasOwnProperty", "Bearer hasOwnProperty"],
    ["null", "Bearer null"],
    ["undefined", "Bearer undefined"],
    ["an object", "Bearer [object Object]"],
    ["a wildcard", "Bearer *"],
    ["a letter beyond ASCII", `Bearer ${tokenA}\u00e9`],
    ["five thousand letters", `Bearer ${tokenA}${"x".repeat(5_000)}`],
  ])("%s", async (_, authorization) => {
    await expectStranger([["authorization", authorization]], "TOKEN_INVALID");
  });
});

test("A1 the scheme may be spelt in any case, and the good token is let in", async () => {
  const good = await openStand({
    config: (url) => ({
      upstreams: { up: { url } },
      clients: { a: { auth: authA, allow: allowAll } },
    }),
  });
  const bytes = rawCall("up__echo", [["Authorization", `bEARER ${tokenA}`]]);
  expect(statusOf(await sendRaw(good.port, bytes))).toBe(200);
  expect(good.upstream.calls).toHaveLength(1);
  expect(await good.trace()).not.toContain(tokenA);
  await good.close();
});

describe("A1 a token anywhere else is no token:", () => {
  test.each<[string, Headers, string]>([
    ["nowhere", [], "/mcp"],
    ["in the query", [], `/mcp?access_token=${tokenA}`],
    ["in another query", [], `/mcp?token=${tokenA}&authorization=Bearer%20${tokenA}&key=${tokenA}`],
    ["in a cookie", [["cookie", `access_token=${tokenA}; authorization=Bearer ${tokenA}`]], "/mcp"],
    ["in X-Authorization", [["x-authorization", `Bearer ${tokenA}`]], "/mcp"],
    ["for the proxy", [["proxy-authorization", `Bearer ${tokenA}`]], "/mcp"],
    ["as an API key", [["x-api-key", tokenA]], "/mcp"],
    ["in X-Auth-Token", [["x-auth-token", tokenA]], "/mcp"],
    ["in X-Access-Token", [["x-access-token", tokenA]], "/mcp"],
    ["in X-Forwarded-Access-Token", [["x-forwarded-access-token", tokenA]], "/mcp"],
    ["in X-Original-Authorization", [["x-original-authorization", `Bearer ${tokenA}`]], "/mcp"],
    ["as a session", [["mcp-session-id", tokenA]], "/mcp"],
    ["as a subprotocol", [["sec-websocket-protocol", `mcp, ${tokenA}`]], "/mcp"],
  ])("%s", async (_, headers, target) => {
    await expectStranger(headers, "TOKEN_MISSING", target);
  });

  test("in the body", async () => {
    const { headers, body } = callOf("up__echo");
    const message = JSON.parse(body) as { params: { _meta: object } };
    const meta = { ...message.params._meta, authorization: `Bearer ${tokenA}` };
    const answer = await post(
      `${stand.url}/mcp`,
      {
        headers: { ...headers, "x-forwarded-for": freshAddress() },
        body: JSON.stringify({
          ...message,
          access_token: tokenA,
          params: { ...message.params, access_token: tokenA, _meta: meta },
        }),
      },
      null,
    );
    expect([answer.status, answer.json().code]).toEqual([401, "TOKEN_MISSING"]);
    expect(answer.text + (await stand.trace())).not.toContain(tokenA);
    expect(stand.upstream.all).toEqual([]);
  });

  test("in a form", async () => {
    const answer = await post(
      `${stand.url}/mcp`,
      {
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          "x-forwarded-for": freshAddress(),
        },
        body: `access_token=${tokenA}`,
      },
      null,
    );
    expect([answer.status, answer.json().code]).toEqual([415, "MEDIA_UNSUPPORTED"]);
    expect(answer.text + (await stand.trace())).not.toContain(tokenA);
  });
});

describe("A1 two tokens are none, whichever comes first:", () => {
  const good = ["Authorization", `Bearer ${tokenA}`] as const;
  const bad = ["authorization", "Bearer nobody"] as const;
  test.each<[string, Headers]>([
    ["good and bad", [good, bad]],
    ["bad and good", [bad, good]],
    ["the same twice", [good, good]],
    ["of two clients", [good, ["Authorization", `Bearer ${tokenB}`]]],
    ["with an empty one", [good, ["Authorization", "Basic"]]],
  ])("%s", async (_, headers) => {
    const { answer } = await sendAs(headers);
    expect([statusOf(answer), problemOf(answer).code]).toEqual([400, "MESSAGE_MALFORMED"]);
    expect(answer + (await stand.trace())).not.toContain(tokenA);
    expect(stand.upstream.all).toEqual([]);
  });

  test.each([
    `Bearer ${tokenA}, Bearer nobody`,
    `Bearer nobody, Bearer ${tokenA}`,
    `Bearer nobody,${tokenA}`,
    `Basic eA==, Bearer ${tokenA}`,
  ])("in one header, form %#", async (authorization) => {
    const { answer } = await sendAs([["authorization", authorization]]);
    // Deno's listener joins headers that came twice, so a comma is a second one there.
    expect(statusOf(answer)).toBe("Deno" in globalThis ? 400 : 401);
    expect(answer + (await stand.trace())).not.toContain(tokenA);
    expect(stand.upstream.all).toEqual([]);
  });
});

describe("A1 who somebody claims to be in a header is nobody:", () => {
  test.each([
    ["x-forwarded-user", "a"],
    ["x-forwarded-email", "a@example.com"],
    ["x-remote-user", "a"],
    ["remote-user", "a"],
    ["x-authenticated-user", "a"],
    ["x-auth-request-user", "a"],
    ["x-webauth-user", "a"],
    ["x-client-id", "a"],
    ["x-mcp-client", "a"],
    ["x-consumer-username", "a"],
    ["x-ms-client-principal-name", "a"],
    ["x-amzn-oidc-identity", "a"],
    ["x-goog-authenticated-user-email", "accounts.google.com:a"],
    ["cf-access-authenticated-user-email", "a@example.com"],
    ["x-ssl-client-verify", "SUCCESS"],
    ["x-forwarded-client-cert", "By=a;Subject=a"],
    ["forwarded", "for=127.0.0.1;by=127.0.0.1"],
    ["x-real-ip", "127.0.0.1"],
    ["x-internal", "true"],
  ])("%s", async (name, value) => {
    await expectStranger([[name, value]], "TOKEN_MISSING");
  });

  test("and a known client stays itself", async () => {
    const address = freshAddress();
    const headers = { "x-forwarded-for": address, "x-remote-user": "b", "x-mcp-client": "b" };
    const answer = await post(`${stand.url}/mcp/other`, callOf("echo", {}, { headers }), tokenA);
    expect(answer.status).toBe(404);
    const record = (await stand.records()).at(-1);
    expect(record).toMatchObject({ client: "a", address, code: "POLICY_DENIED" });
    expect(stand.upstream.calls).toEqual([]);
  });
});

describe("A2 no path but the exact one is an endpoint, with a token or without:", () => {
  const paths = [
    "/",
    "//mcp",
    "///mcp",
    "/mcp/",
    "/mcp//",
    "/mcp//up",
    "/mcp/up/",
    "/mcp/up/echo",
    "/MCP",
    "/Mcp",
    "/%6dcp",
    "/mcp%2Fup",
    "/mcp%2fup",
    "/mcp%252Fup",
    "/mcp%00",
    "/mcp%20",
    "/mcp;a=b",
    "/mcp/up;a=b",
    "/mcp.json",
    "/mcp/.",
    "/mcp/..",
    "/mcp/../mcp",
    "/x/../mcp",
    "/livez/../mcp",
    "/livez/..%2fmcp",
    "/%2e%2e/mcp",
    "/mcp/%2e%2e/mcp",
    "/mcp/%75p",
    "/mcp\\up",
    "/livez/",
    "/livez%2f..%2fmcp",
    "/.well-known/../mcp",
    "/v1/mcp",
    "/api/mcp",
    "/sse",
    "/message",
    "/messages",
  ];
  test.each(paths)("%s", async (path) => {
    const from = ["x-forwarded-for", freshAddress()] as const;
    for (const headers of [[from], [from, ["authorization", "Bearer nobody"] as const]]) {
      const answer = await sendRaw(stand.port, rawCall("up__echo", headers, path));
      expect([statusOf(answer), problemOf(answer).code]).toEqual([404, "PATH_UNKNOWN"]);
    }
    expect(stand.upstream.all).toEqual([]);
  });
});

describe("A2 there is no side door:", () => {
  const doors = [
    "/admin",
    "/admin/",
    "/audit",
    "/debug",
    "/debug/vars",
    "/test",
    "/mcp-rest/test",
    "/mcp-rest/test/connection",
    "/mcp-rest/tools/call",
    "/metrics",
    "/policy",
    "/policy/explain",
    "/config",
    "/reload",
    "/register",
    "/authorize",
    "/token",
    "/connect/up",
    "/approve/1",
    "/console",
    "/inspect",
    "/proxy",
    "/stdio",
    "/env",
    "/.env",
    "/.mcp-gw/token",
    "/gateway.config.ts",
    "/audit.jsonl",
  ];
  test.each(doors)("%s", async (path) => {
    for (const method of ["GET", "POST"]) {
      const init = { method, headers: { "x-forwarded-for": freshAddress() } };
      const answer = await fetch(`${stand.url}${path}?url=http://127.0.0.1&command=id`, init);
      expect([answer.status, (await answer.json()) as object]).toMatchObject([
        404,
        { code: "PATH_UNKNOWN" },
      ]);
    }
    expect(stand.upstream.all).toEqual([]);
  });

  test.each(["/mcp", "/mcp/up", "/mcp/nothing"])("no HTTP method opens %s", async (path) => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "QUERY"]) {
      const { headers, body } = callOf("up__echo");
      const hasBody = !["GET", "HEAD", "OPTIONS"].includes(method);
      const answer = await fetch(stand.url + path, {
        method,
        headers: { ...headers, "x-forwarded-for": freshAddress() },
        ...(hasBody ? { body } : {}),
      });
      await answer.text();
      expect([401, 403, 405]).toContain(answer.status);
    }
    expect(stand.upstream.all).toEqual([]);
  });

  test.each(["/livez", "/healthz", "/readyz"])(
    "%s says one word and takes no call",
    async (path) => {
      const health = await fetch(stand.url + path);
      expect([health.status, await health.text()]).toEqual([200, "ok"]);
      const call = await post(stand.url + path, callOf("up__echo"), tokenA);
      expect([call.status, call.json().code]).toEqual([405, "HTTP_METHOD_UNSUPPORTED"]);
      expect(stand.upstream.all).toEqual([]);
    },
  );

  test("an upstream's own path tells a stranger nothing, not even whether there is one", async () => {
    const ask = async (path: string, token: string | null) => {
      const headers = { "x-forwarded-for": freshAddress() };
      const { status, text } = await post(stand.url + path, callOf("x", {}, { headers }), token);
      return [status, text.replace(/"requestId":"[^"]*"/, "")];
    };
    expect(await ask("/mcp/up", null)).toEqual(await ask("/mcp/nothing", null));
    // Client "a" may use nothing of "other": for it there is no such upstream.
    expect(await ask("/mcp/other", tokenA)).toEqual(await ask("/mcp/nothing", tokenA));
    expect(stand.upstream.calls).toEqual([]);
  });

  test("a program that mounts the gateway under a prefix opens none", async () => {
    const { upstream } = stand;
    const folder = await mkdtemp(join(tmpdir(), "mounted-"));
    const config = defineConfig({
      upstreams: { up: { url: upstream.url } },
      clients: { a: { auth: authA, allow: allowAll } },
    });
    const gateway = await createGateway(config, { folder });
    const program = new Hono().route("/gw", gateway.app);
    const { headers, body } = callOf("up__echo");
    for (const path of ["/gw/mcp", "/gw//mcp", "/gw/mcp/up", "/gw%2Fmcp", "/gw", "/gw/../mcp"]) {
      const request = new Request(`http://localhost${path}`, {
        method: "POST",
        headers: { ...headers, host: "localhost", authorization: `Bearer ${tokenA}` },
        body,
      });
      expect((await program.fetch(request)).status).toBe(404);
    }
    expect(upstream.all).toEqual([]);
    await gateway.close();
    await rm(folder, { recursive: true });
  });
});

test("A3 every token costs one digest and one comparison of digests, found or not", async () => {
  const compared: (readonly [string, string])[] = [];
  const watched = await openStand({
    config: (url) => ({
      upstreams: { up: { url } },
      clients: {
        a: { auth: authA, allow: allowAll },
        b: { auth: { tokenSha256: createHash("sha256").update(tokenB).digest("hex") } },
      },
    }),
    ground: ({ crypto }) => ({
      crypto: {
        ...crypto,
        equal: (a, b) => {
          const texts = [a, b].map((bytes) => new TextDecoder().decode(bytes));
          compared.push([texts[0] ?? "", texts[1] ?? ""]);
          return crypto.equal(a, b);
        },
      },
    }),
  });
  const tokens = [
    tokenA,
    tokenB,
    tokenA.slice(0, -1),
    `${tokenA.slice(0, -1)}x`,
    `x${tokenA.slice(1)}`,
    tokenA.slice(0, 1),
    "x".repeat(tokenA.length),
    "x".repeat(4_000),
  ];
  for (const token of tokens) {
    compared.length = 0;
    const { status } = await post(`${watched.url}/mcp`, modernRequest("server/discover"), token);
    expect(status).toBe(token === tokenA || token === tokenB ? 200 : 401);
    expect(compared).toHaveLength(1);
    const digest = createHash("sha256").update(token).digest("hex");
    expect(compared[0]?.[0]).toBe(digest);
    // As long as a digest always: what is compared tells nothing of the token's length.
    expect(compared[0]?.[1]).toHaveLength(digest.length);
  }
  await watched.close();
});

describe("A4 guessing tokens", () => {
  let guessed: Stand;
  beforeAll(async () => {
    guessed = await openStand({
      config: (url) => ({
        trustedProxies: ["127.0.0.1"],
        upstreams: { up: { url } },
        clients: { a: { auth: authA, allow: allowAll, rate: plenty } },
      }),
    });
  });
  afterAll(() => guessed.close());

  const ask = (address: string, token: string | null) =>
    post(
      `${guessed.url}/mcp`,
      callOf("up__echo", {}, { headers: { "x-forwarded-for": address } }),
      token,
    );
  async function guess(times: number, address: (index: number) => string) {
    const answers: Awaited<ReturnType<typeof ask>>[] = [];
    for (let index = 0; index < times; index++) {
      answers.push(await ask(address(index), index % 3 === 0 ? null : `guess-${index}`));
    }
    return answers;
  }

  test("is refused with 429 and the time to wait after twenty failures of one address", async () => {
    const answers = await guess(60, () => "203.0.113.1");
    expect(answers.slice(0, 20).every(({ status }) => status === 401)).toBe(true);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(30);
    expect(refused[0]?.json().code).toBe("RATE_EXCEEDED");
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(guessed.upstream.all).toEqual([]);
  });

  test("hinders neither a good client from elsewhere nor a stranger there", async () => {
    await guess(30, () => "203.0.113.2");
    expect((await ask("203.0.113.3", tokenA)).status).toBe(200);
    expect((await ask("203.0.113.3", "nobody")).status).toBe(401);
    // Nor one behind the same address: it does not guess.
    expect((await ask("203.0.113.2", tokenA)).status).toBe(200);
  });

  test("is not free from the many addresses of one IPv6 host", async () => {
    const answers = await guess(40, (index) => `2001:db8:1:2::${(index + 1).toString(16)}`);
    expect(answers.at(-1)?.status).toBe(429);
    expect((await ask("2001:db8:1:3::1", "nobody")).status).toBe(401);
  });

  test("fills no audit file: a flood is summed, and no guess stands in it", async () => {
    const before = (await guessed.records()).length;
    await guess(60, () => "203.0.113.4");
    const records = (await guessed.records()).slice(before);
    expect(records.map(({ code }) => code).sort()).toEqual([
      "RATE_EXCEEDED",
      "TOKEN_INVALID",
      "TOKEN_MISSING",
    ]);
    expect(await guessed.trace()).not.toContain("guess-");
  });
});
