import { expect, test } from "vitest";
import { openFakeDoor, toReply, textOf } from "./fakes.ts";

const base = "http://gateway.test";
const id = "ab".repeat(16);

function post(path: string, headers: Record<string, string> = {}) {
  return new Request(base + path, { method: "POST", body: "{}", headers });
}

test("app hands a message over with its id, time, raw path, address and body", async () => {
  const { app, arrivals } = openFakeDoor();
  const response = await app.fetch(post("/mcp/weather?x=1", { "x-a": "b" }), {
    address: "10.1.1.1",
  });
  expect(response.status).toBe(200);
  const [arrival] = arrivals;
  expect(arrival).toMatchObject({
    id,
    transport: "http",
    time: 1_000,
    httpMethod: "POST",
    path: "/mcp/weather",
    address: "10.1.1.1",
    forwarded: false,
  });
  expect(arrival?.headers.get("x-a")).toBe("b");
  expect(await textOf(arrival?.body)).toBe("{}");
});

test.each([
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-anything",
  "X-Forwarded-Prefix",
  "x-real-ip",
  "x-original-forwarded-for",
  "x-original-host",
  "x-cluster-client-ip",
  "x-envoy-external-address",
  "x-azure-clientip",
  "x-appengine-user-ip",
  "x-vercel-forwarded-for",
  "x-amzn-trace-id",
  "cdn-loop",
  "cf-connecting-ip",
  "cf-ray",
  "fly-client-ip",
  "fastly-client-ip",
  "true-client-ip",
])("app marks a request with %s as forwarded", async (name) => {
  const { app, arrivals } = openFakeDoor();
  await app.fetch(post("/mcp", { [name]: "x" }), { address: "127.0.0.1" });
  expect(arrivals[0]?.forwarded).toBe(true);
});

test("app takes a request with a client's own headers as coming from the peer", async () => {
  const { app, arrivals } = openFakeDoor();
  const own = { traceparent: "00-1", "x-forward": "x", "x-request-id": "1", "user-agent": "x" };
  await app.fetch(post("/mcp", own), { address: "127.0.0.1" });
  expect(arrivals[0]?.forwarded).toBe(false);
});

test("app lets the address function see what the proxies say", async () => {
  const { app, arrivals } = openFakeDoor();
  await app.fetch(post("/mcp", { "x-forwarded-for": "1.2.3.4" }), { address: "10.0.0.1" });
  expect(arrivals[0]?.address).toBe("10.0.0.1 for 1.2.3.4");
});

test.each([
  "/",
  "/MCP",
  "/mcp/",
  "//mcp",
  "/mcp//weather",
  "/mcp/weather/",
  "/mcp/weather/x",
  "/mcp%2Fweather",
  "/%6dcp",
  "/mcp/%77eather",
  "/mcp/.weather",
  "/mcp;a=b",
  "/admin",
  "/audit",
  "/metrics",
  "/mcp-rest/test",
  "/livez/",
  "/__proto__",
  "/mcp/" + "a".repeat(65),
])("app answers %s with PATH_UNKNOWN and hands nothing over", async (path) => {
  const { app, arrivals, refusals } = openFakeDoor();
  const response = await app.fetch(post(path));
  expect(response.status).toBe(404);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toEqual({
    type: "about:blank",
    title: "There is no endpoint at this path",
    status: 404,
    code: "PATH_UNKNOWN",
    requestId: id,
  });
  expect(arrivals).toEqual([]);
  expect(refusals).toEqual([{ id, code: "PATH_UNKNOWN", address: undefined }]);
});

test.each(["PUT", "PATCH", "HEAD", "QUERY", "PROPFIND"])(
  "app answers %s on /mcp with 405 and Allow",
  async (method) => {
    const { app, arrivals } = openFakeDoor();
    const response = await app.fetch(new Request(`${base}/mcp`, { method }));
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST, GET, DELETE, OPTIONS");
    expect(arrivals).toEqual([]);
  },
);

test("app answers health checks in one word, whatever the Host", async () => {
  let ready = false;
  const { app, arrivals } = openFakeDoor({ ready: () => ready });
  const ask = (path: string, method = "GET") =>
    app.fetch(new Request(`http://other.test${path}`, { method }));
  for (const path of ["/livez", "/healthz"]) {
    const response = await ask(path);
    expect([response.status, await response.text()]).toEqual([200, "ok"]);
  }
  expect((await ask("/readyz")).status).toBe(503);
  ready = true;
  expect((await ask("/readyz")).status).toBe(200);
  const head = await ask("/livez", "HEAD");
  expect([head.status, await head.text()]).toEqual([200, ""]);
  const posted = await ask("/livez", "POST");
  expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  expect(arrivals).toEqual([]);
});

const page = "https://app.example.com";
function preflight(origin: string | undefined, asked = "") {
  const headers = new Headers({ "access-control-request-method": "POST" });
  if (origin !== undefined) headers.set("origin", origin);
  if (asked !== "") headers.set("access-control-request-headers", asked);
  return new Request(`${base}/mcp`, { method: "OPTIONS", headers });
}

test("app answers the preflight of a known origin, and names the parameter headers asked for", async () => {
  const { app } = openFakeDoor({ origins: [page] });
  const { status, headers } = await app.fetch(
    preflight(page, "Authorization, Mcp-Param-Region, X-Other, mcp-param-bad name"),
  );
  expect(status).toBe(204);
  expect(headers.get("access-control-allow-origin")).toBe(page);
  expect(headers.get("access-control-max-age")).toBe("600");
  expect(headers.get("vary")).toContain("Origin");
  expect(headers.get("access-control-allow-credentials")).toBeNull();
  expect(headers.get("access-control-allow-headers")?.split(", ")).toEqual([
    "authorization",
    "content-type",
    "accept",
    "mcp-protocol-version",
    "mcp-session-id",
    "mcp-method",
    "mcp-name",
    "last-event-id",
    "mcp-param-region",
  ]);
});

test.each([
  undefined,
  "null",
  "https://app.example.com.evil.test",
  "https://evil-app.example.com",
  "http://app.example.com",
  "https://app.example.com:444",
  "https://app.example.com@evil.test",
  "HTTPS://APP.EXAMPLE.COM",
  "*",
])("app refuses the preflight of %s without an allowed origin", async (origin) => {
  const { app } = openFakeDoor({ origins: [page] });
  const response = await app.fetch(preflight(origin));
  expect(response.status).toBe(403);
  expect(response.headers.get("access-control-allow-origin")).toBeNull();
});

test("app lets the pages of known origins read an answer, and no others", async () => {
  const { app } = openFakeDoor({ origins: [page] });
  const known = await app.fetch(post("/mcp", { origin: page }));
  expect(known.headers.get("access-control-allow-origin")).toBe(page);
  expect(known.headers.get("access-control-expose-headers")).toBe(
    "Mcp-Session-Id, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, X-Request-Id",
  );
  const other = await app.fetch(post("/mcp", { origin: "https://evil.test" }));
  expect(other.headers.get("access-control-allow-origin")).toBeNull();
  expect(other.headers.get("vary")).toBe("Origin");
});

test("app passes status, headers and the body's text on, uncached and unsniffed", async () => {
  const { app } = openFakeDoor({
    handle: () => ({ status: 429, headers: { "retry-after": "3" }, body: '{"n":1e400}' }),
  });
  const response = await app.fetch(post("/mcp"));
  expect(response.status).toBe(429);
  expect(Object.fromEntries(response.headers)).toEqual({
    "content-type": "application/json",
    "retry-after": "3",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  expect(await response.text()).toBe('{"n":1e400}');
});

test("app answers without a body where the reply has none", async () => {
  const { app } = openFakeDoor({ handle: () => toReply(undefined, 202) });
  const response = await app.fetch(post("/mcp"));
  expect([response.status, response.body]).toEqual([202, null]);
  expect(response.headers.get("content-type")).toBeNull();
});

test("app turns a throw into INTERNAL, and neither the answer nor the log tells the message", async () => {
  const { app, logged } = openFakeDoor({
    handle: () => {
      throw new Error("token sk-very-secret in /etc/place");
    },
  });
  const response = await app.fetch(post("/mcp"));
  expect(response.status).toBe(500);
  const text = await response.text();
  expect(JSON.parse(text)).toMatchObject({ code: "INTERNAL", requestId: id });
  expect(text + logged.join()).not.toContain("secret");
  expect(logged[0]).toContain(id);
});

test("app tells the gateway that the client has gone, and not after a good answer", async () => {
  const { app, arrivals } = openFakeDoor({
    handle: ({ path, signal }) =>
      path === "/mcp"
        ? toReply("{}")
        : new Promise((resolve) => {
            signal.addEventListener("abort", () => resolve(toReply("{}")));
          }),
  });
  const after = new AbortController();
  await app.fetch(new Request(`${base}/mcp`, { method: "POST", signal: after.signal }));
  after.abort();
  expect(arrivals[0]?.signal.aborted).toBe(false);

  const during = new AbortController();
  const pending = app.fetch(
    new Request(`${base}/mcp/a`, { method: "POST", signal: during.signal }),
  );
  during.abort();
  await pending;
  expect(arrivals[1]?.signal.aborted).toBe(true);
});
