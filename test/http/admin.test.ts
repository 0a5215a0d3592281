/** The admin door: requests in, answers out, with operations that only note what was done. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type OperationReservation, StoreLost } from "../../src/core/index.ts";
import {
  type FakeAdminDoor,
  type FakeOperationsSettings,
  adminTokens,
  goodOutcome,
  openFakeAdminDoor,
} from "./admin-fakes.ts";

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | ReadableStream<Uint8Array>;
  /** Undefined comes without. */
  readonly token?: string | undefined;
}
interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly code: string | undefined;
}

async function ask(door: FakeAdminDoor, path: string, asked: Asked = {}): Promise<Answered> {
  const { method = "GET", headers = {}, body } = asked;
  const token = "token" in asked ? asked.token : adminTokens.all;
  const init: RequestInit & { duplex: "half" } = {
    method,
    headers: {
      host: "127.0.0.1:8081",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    duplex: "half",
    ...(body === undefined ? {} : { body }),
  };
  const request = new Request(`http://127.0.0.1:8081${path}`, init);
  const response = await door.app.fetch(request, { address: "127.0.0.1" });
  const text = await response.text();
  const type = response.headers.get("content-type");
  const code =
    type === "application/problem+json" && text !== ""
      ? (JSON.parse(text) as { code: string }).code
      : undefined;
  return { status: response.status, headers: response.headers, text, code };
}

const wish = { target: "payments/*", why: "Odd refunds" };
const post = (door: FakeAdminDoor, body: unknown, more: Asked = {}): Promise<Answered> =>
  ask(door, "/blocks", {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...more,
  });

const acts = ["add", "remove", "reload"];
const acted = ({ operations }: FakeAdminDoor): string[] =>
  operations.steps.filter((step) => acts.includes(step));

/** Every endpoint with what it takes. */
const endpoints: readonly (readonly [method: string, path: string, body: string | undefined])[] = [
  ["GET", "/readyz", undefined],
  ["GET", "/readyz?verbose", undefined],
  ["GET", "/metrics", undefined],
  ["GET", "/blocks", undefined],
  ["POST", "/blocks", JSON.stringify(wish)],
  ["DELETE", "/blocks/b1", undefined],
  ["POST", "/reload", "{}"],
];
const toAsked = (method: string, body: string | undefined): Asked => ({
  method,
  ...(body === undefined ? {} : { body }),
});

describe("what the admin door answers", () => {
  test("readyz says ready in text, and with ?verbose the whole state", async () => {
    const door = openFakeAdminDoor();
    expect(await ask(door, "/readyz")).toMatchObject({ status: 200, text: "ok" });
    const verbose = await ask(door, "/readyz?verbose", { token: adminTokens.reader });
    expect(verbose.status).toBe(200);
    expect(JSON.parse(verbose.text)).toMatchObject({ instance: "i1", blocks: 0, ready: true });
  });

  test("metrics are told as the text that they are, to who may read", async () => {
    const answer = await ask(openFakeAdminDoor(), "/metrics", { token: adminTokens.reader });
    expect(answer).toMatchObject({ status: 200, text: "up 1\n" });
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect((await ask(openFakeAdminDoor(), "/metrics?name=up")).code).toBe("PATH_UNKNOWN");
  });

  test("readyz is 503 while the gateway drains, in both forms", async () => {
    const { state } = openFakeAdminDoor().operations;
    const door = openFakeAdminDoor({ state: () => ({ ...state(), ready: false }) });
    expect(await ask(door, "/readyz")).toMatchObject({ status: 503, text: "not ready" });
    expect((await ask(door, "/readyz?verbose")).status).toBe(503);
  });

  test("a block of a name that the config does not have is set, with a warning", async () => {
    const door = openFakeAdminDoor({ doubts: ({ target }) => [`No ${target}`] });
    const set = await post(door, wish);
    expect(set.status).toBe(201);
    expect(JSON.parse(set.text)).toMatchObject({ id: "b1", warnings: ["No payments/*"] });
    expect(door.operations.blocks.list()).toHaveLength(1);
  });

  test("a block is set, listed and taken back", async () => {
    const door = openFakeAdminDoor();
    const set = await post(door, { ...wish, client: "web-app", forMs: 60_000 });
    expect(set.status).toBe(201);
    const block = {
      id: "b1",
      at: 1_000,
      target: "payments/*",
      client: "web-app",
      why: "Odd refunds",
      by: "all",
      until: 61_000,
    };
    expect(JSON.parse(set.text)).toEqual(block);
    const listed = await ask(door, "/blocks", { token: adminTokens.reader });
    expect(JSON.parse(listed.text)).toEqual({ blocks: [block] });
    const gone = await ask(door, "/blocks/b1", { method: "DELETE" });
    expect([gone.status, gone.text]).toEqual([204, ""]);
    expect(await ask(door, "/blocks/b1", { method: "DELETE" })).toMatchObject({
      status: 404,
      code: "BLOCK_UNKNOWN",
    });
  });

  test("a reload gives its outcome, with 409 where it was refused", async () => {
    const door = openFakeAdminDoor();
    for (const body of [undefined, "{}", " { } "]) {
      const done = await ask(door, "/reload", toAsked("POST", body));
      expect([done.status, JSON.parse(done.text)]).toEqual([200, goodOutcome]);
    }
    const outcome = { result: "refused", digest: "abc", faults: ["clients: Must not"] } as const;
    const refused = await ask(openFakeAdminDoor({ outcome }), "/reload", { method: "POST" });
    expect([refused.status, JSON.parse(refused.text)]).toEqual([409, outcome]);
  });

  test("no answer is kept, framed, sniffed or readable by a page of another origin", async () => {
    const door = openFakeAdminDoor();
    const answers = [
      await ask(door, "/readyz"),
      await ask(door, "/blocks"),
      await post(door, wish),
      await ask(door, "/blocks/b1", { method: "DELETE" }),
      await ask(door, "/blocks", { token: undefined }),
      await ask(door, "/nothing"),
      await ask(door, "/blocks", { headers: { origin: "http://127.0.0.1:8081" } }),
      await ask(door, "/blocks", { method: "OPTIONS", headers: { origin: "https://evil.test" } }),
    ];
    for (const { headers } of answers) {
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });
});

describe("whom the admin door refuses", () => {
  test.each(endpoints)("%s %s answers nobody without a credential", async (method, path, body) => {
    const door = openFakeAdminDoor();
    for (const [token, code] of [
      [undefined, "TOKEN_MISSING"],
      [`${adminTokens.all}x`, "TOKEN_INVALID"],
    ] as const) {
      const answer = await ask(door, path, { ...toAsked(method, body), token });
      expect(answer).toMatchObject({ status: 401, code });
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      expect(answer.text).not.toContain("not one of ours");
    }
    expect(acted(door)).toEqual([]);
    expect(door.operations.records).toEqual([]);
    expect(door.operations.refusals).toEqual([
      { code: "TOKEN_MISSING", address: "127.0.0.1" },
      { code: "TOKEN_INVALID", address: "127.0.0.1" },
    ]);
  });

  test("a cookie, a query and another header carry no credential", async () => {
    const door = openFakeAdminDoor();
    const token = undefined;
    const headers = { cookie: `token=${adminTokens.all}`, "x-api-key": adminTokens.all };
    expect((await ask(door, "/blocks", { token, headers })).status).toBe(401);
    for (const query of [`?access_token=${adminTokens.all}`, "?", "?verbose=1", "?verbose&x"]) {
      expect((await ask(door, `/blocks${query}`, { token })).status).not.toBe(200);
      expect((await ask(door, `/readyz${query}`, { token })).status).not.toBe(200);
    }
  });

  test.each([
    ["POST", "/blocks", JSON.stringify(wish)],
    ["DELETE", "/blocks/b1", undefined],
    ["POST", "/reload", undefined],
  ] as const)("%s %s is RIGHT_MISSING for who may only look", async (method, path, body) => {
    const door = openFakeAdminDoor();
    const answer = await ask(door, path, { ...toAsked(method, body), token: adminTokens.reader });
    expect(answer).toMatchObject({ status: 403, code: "RIGHT_MISSING" });
    expect(acted(door)).toEqual([]);
    expect(door.operations.records).toMatchObject([
      { operator: "reader", decision: "denied", code: "RIGHT_MISSING", status: 403 },
    ]);
  });

  test("an operator without the right to read reads nothing", async () => {
    const authenticate = () =>
      Promise.resolve({ name: "robot", can: new Set(["operate"] as const), is: [] });
    const door = openFakeAdminDoor({ authenticate });
    for (const path of ["/readyz", "/readyz?verbose", "/metrics", "/blocks"]) {
      expect((await ask(door, path)).code).toBe("RIGHT_MISSING");
    }
    expect((await post(door, wish)).status).toBe(201);
  });
});

describe("what a web page can make a browser send", () => {
  test.each(["evil.test", "evil.test:8081", "127.0.0.1.evil.test", "127.0.0.2", "", "[::1]"])(
    "the Host %j is not the admin listener's",
    async (host) => {
      const door = openFakeAdminDoor();
      const answer = await ask(door, "/blocks", { headers: { host } });
      expect(answer).toMatchObject({ status: 403, code: "HOST_FORBIDDEN" });
      expect(door.operations.steps).toEqual([]);
    },
  );

  test.each(["admin.test", "ADMIN.test:1", "localhost:8081"])("the Host %j is", async (host) => {
    expect((await ask(openFakeAdminDoor(), "/blocks", { headers: { host } })).status).toBe(200);
  });

  test.each([
    "https://evil.test",
    "null",
    "",
    "http://127.0.0.1",
    "http://127.0.0.1:3000",
    "https://127.0.0.1:8081",
    "http://localhost:8081",
    "http://127.0.0.1:8081/",
    "http://127.0.0.1:8081, https://evil.test",
  ])("a request from the origin %j is refused before anything is done", async (origin) => {
    for (const [method, path, body] of endpoints) {
      const door = openFakeAdminDoor();
      const answer = await ask(door, path, { ...toAsked(method, body), headers: { origin } });
      expect(answer).toMatchObject({ status: 403, code: "ORIGIN_FORBIDDEN" });
      expect(door.operations.steps).toEqual([]);
      expect(door.operations.refusals).toHaveLength(1);
    }
  });

  test.each(["cross-site", "same-site", "Cross-Site", "same-origin, cross-site", ""])(
    "Sec-Fetch-Site: %s is refused",
    async (site) => {
      const door = openFakeAdminDoor();
      const answer = await post(door, wish, { headers: { "sec-fetch-site": site } });
      expect(answer.code).toBe("ORIGIN_FORBIDDEN");
      expect(door.operations.steps).toEqual([]);
    },
  );

  test("a page of the listener's own origin may do what its operator may", async () => {
    const headers = { origin: "http://127.0.0.1:8081", "sec-fetch-site": "same-origin" };
    expect((await post(openFakeAdminDoor(), wish, { headers })).status).toBe(201);
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "",
  ])("a body of the type %j is MEDIA_UNSUPPORTED", async (type) => {
    for (const [method, path] of endpoints.filter(([each]) => each !== "GET")) {
      const door = openFakeAdminDoor();
      const asked = { method, body: "{}", headers: { "content-type": type } };
      expect(await ask(door, path, asked)).toMatchObject({
        status: 415,
        code: "MEDIA_UNSUPPORTED",
      });
      expect(acted(door)).toEqual([]);
    }
  });

  test("a body that is compressed, or of no type at all, is MEDIA_UNSUPPORTED", async () => {
    const door = openFakeAdminDoor();
    const headers = { "content-encoding": "gzip" };
    expect((await post(door, wish, { headers })).code).toBe("MEDIA_UNSUPPORTED");
    const body = new Blob([JSON.stringify(wish)]).stream();
    const request = new Request("http://127.0.0.1:8081/blocks", {
      method: "POST",
      headers: { host: "127.0.0.1", authorization: `Bearer ${adminTokens.all}` },
      body,
      duplex: "half",
    } as RequestInit);
    expect((await door.app.fetch(request, {})).status).toBe(415);
    expect(acted(door)).toEqual([]);
  });

  test("a GET changes nothing, and each path takes its own methods alone", async () => {
    const door = openFakeAdminDoor();
    for (const [path, allow] of [
      ["/readyz", "GET"],
      ["/readyz?verbose", "GET"],
      ["/blocks", "GET, POST"],
      ["/blocks/b1", "DELETE"],
      ["/reload", "POST"],
    ] as const) {
      const taken = allow.split(", ");
      for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        if (taken.includes(method)) continue;
        const answer = await ask(door, path, { method });
        expect([path, method, answer.status]).toEqual([path, method, 405]);
        expect(answer.headers.get("allow")).toBe(allow);
      }
    }
    expect(door.operations.steps).toEqual([]);
  });

  test.each([
    "/",
    "/blocks/",
    "//blocks",
    "/BLOCKS",
    "/blocks;x",
    "/%62locks",
    "/blocks/a/b",
    "/blocks/%2e%2e",
    "/blocks/b1?x",
    `/blocks/${"a".repeat(65)}`,
    "/reload?now",
    "/readyz?Verbose",
    "/metrics/",
    "/metrics?",
    "/audit",
    "/livez",
  ])("the path %s is PATH_UNKNOWN", async (path) => {
    const door = openFakeAdminDoor();
    expect(await ask(door, path)).toMatchObject({ status: 404, code: "PATH_UNKNOWN" });
    expect(door.operations.steps).toEqual([]);
  });
});

describe("what a body may say", () => {
  test.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["a list", "[]"],
    ["a byte order mark", `\uFEFF${JSON.stringify(wish)}`],
    ["two bodies", `${JSON.stringify(wish)}{}`],
    ["a key twice", '{"target":"a/b","target":"*","why":"w"}'],
    ["a key twice, once escaped", '{"target":"a/b","t\\u0061rget":"*","why":"w"}'],
    ["half a character", '{"all":true,"why":"\\ud800"}'],
    ["__proto__", '{"__proto__":{},"all":true,"why":"w"}'],
    ["a member that is not known", { ...wish, untill: 5 }],
    ["who set it", { ...wish, by: "somebody else" }],
    ["an id", { ...wish, id: "b9" }],
    ["no why", { target: "a/b" }],
    ["an empty why", { target: "a/b", why: "" }],
    ["no target, client, subject or all", { why: "w" }],
    ["all beside a client", { all: true, client: "web-app", why: "w" }],
    ["all that is false", { all: false, client: "web-app", why: "w" }],
    ["all that is 1", { all: 1, why: "w" }],
    ["an empty client", { client: "", why: "w" }],
    ["a target that is a list", { target: ["a/b"], why: "w" }],
    ["null for a subject", { ...wish, subject: null }],
    ["a span of nothing", { ...wish, forMs: 0 }],
    ["a span before now", { ...wish, forMs: -1 }],
    ["half a millisecond more", { ...wish, forMs: 5_000.5 }],
    ["a span that is over when it begins", { ...wish, forMs: 999 }],
    ["a target that is no pattern", { target: "payments", why: "w" }],
    ["a why of blanks", { ...wish, why: "  " }],
    ["a why without end", { ...wish, why: "w".repeat(501) }],
    ["a span as text", { ...wish, forMs: "2h" }],
    ["a span of a thousand years", { ...wish, forMs: 31_557_600_000_000 }],
    ["a span that no number holds", '{"all":true,"why":"w","forMs":9007199254740993}'],
    ["depth", `{"all":true,"why":${"[".repeat(50)}${"]".repeat(50)}}`],
  ])("a wish with %s is BODY_INVALID", async (_, body) => {
    const door = openFakeAdminDoor();
    expect(await post(door, body)).toMatchObject({ status: 400, code: "BODY_INVALID" });
    expect(acted(door)).toEqual([]);
    expect(door.operations.records).toMatchObject([
      { operator: "all", method: "blocks.add", decision: "denied", code: "BODY_INVALID" },
    ]);
  });

  test("target, client and subject go together, and all stands alone", async () => {
    const door = openFakeAdminDoor();
    const whole = { target: "a/b", client: "c", subject: "s", why: "w" };
    expect(JSON.parse((await post(door, whole)).text)).toMatchObject(whole);
    const everything = await post(door, { all: true, why: "w" });
    expect(JSON.parse(everything.text)).toEqual({ id: "b2", at: 1_000, why: "w", by: "all" });
  });

  test("no body but a wish makes a block, whatever it holds", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (body) => {
        const door = openFakeAdminDoor();
        const { status } = await post(door, body);
        expect([status, acted(door)]).toEqual([400, []]);
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ["POST", "/reload"],
    ["DELETE", "/blocks/b1"],
  ])("%s %s takes no members", async (method, path) => {
    const door = openFakeAdminDoor();
    expect((await ask(door, path, { method, body: '{"force":true}' })).code).toBe("BODY_INVALID");
    expect(acted(door)).toEqual([]);
  });

  test("a body of more than 64 KiB is BODY_TOO_LARGE, and is not read to its end", async () => {
    const door = openFakeAdminDoor();
    let pieces = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (++pieces > 1_000) controller.close();
        else controller.enqueue(new Uint8Array(4_096).fill(32));
      },
    });
    const answer = await ask(door, "/blocks", { method: "POST", body });
    expect(answer).toMatchObject({ status: 413, code: "BODY_TOO_LARGE" });
    expect(pieces).toBeLessThan(30);
    expect(acted(door)).toEqual([]);
  });

  test("a body that does not end is BODY_TIMEOUT", async () => {
    const door = openFakeAdminDoor();
    let asked: () => void = () => undefined;
    const reading = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const stream = new ReadableStream<Uint8Array>({ pull: () => asked() }, { highWaterMark: 0 });
    const answered = ask(door, "/blocks", { method: "POST", body: stream });
    await reading;
    expect(door.timers()).toBe(1);
    door.advance(30_000);
    expect(await answered).toMatchObject({ status: 408, code: "BODY_TIMEOUT" });
    expect(door.timers()).toBe(0);
    expect(acted(door)).toEqual([]);
  });
});

describe("the record of an admin request", () => {
  test("is written after the act and before the answer, with who, what and why", async () => {
    const door = openFakeAdminDoor();
    await post(door, { ...wish, subject: "ada@example.com" });
    expect(door.operations.steps).toEqual(["authenticate", "reserve", "add", "write", "release"]);
    expect(door.operations.records).toEqual([
      {
        id: "ab".repeat(16),
        time: 1_000,
        address: "127.0.0.1",
        operator: "all",
        method: "blocks.add",
        target: 'b1: target "payments/*", one subject',
        decision: "allowed",
        code: undefined,
        why: "Odd refunds",
        status: 201,
        ms: 0,
      },
    ]);
  });

  test.each(endpoints)("%s %s leaves exactly one", async (method, path, body) => {
    const door = openFakeAdminDoor();
    const { status } = await ask(door, path, toAsked(method, body));
    expect(door.operations.records).toMatchObject([{ operator: "all", status }]);
    expect(door.operations.refusals).toEqual([]);
  });

  test.each(endpoints)("%s %s does nothing where there is no room for it", async (...row) => {
    const [method, path, body] = row;
    const door = openFakeAdminDoor({ reserve: () => undefined });
    expect(await ask(door, path, toAsked(method, body))).toMatchObject({
      status: 503,
      code: "AUDIT_UNAVAILABLE",
    });
    expect(acted(door)).toEqual([]);
  });

  test("that cannot be written makes the answer AUDIT_UNAVAILABLE", async () => {
    const released: string[] = [];
    const reservation: OperationReservation = {
      write: () => Promise.reject(new Error("The disk is full")),
      release: () => void released.push("released"),
    };
    const door = openFakeAdminDoor({ reserve: () => reservation });
    const answer = await post(door, wish);
    expect(answer.code).toBe("AUDIT_UNAVAILABLE");
    expect(answer.text).toContain("it may have been done");
    expect(released).toEqual(["released"]);
    expect(door.logged.join()).toContain("A record was not written");
  });
});

describe("what goes wrong behind the admin door", () => {
  const { blocks } = openFakeAdminDoor().operations;
  const failing = (error: unknown): FakeOperationsSettings => ({
    blocks: { ...blocks, add: () => Promise.reject(error), remove: () => Promise.reject(error) },
    reload: () => Promise.reject(error),
  });

  test.each([
    [new StoreLost("unreachable", "Redis is lost"), 503, "STORE_UNAVAILABLE"],
    [new Error("a secret in a message"), 500, "INTERNAL"],
  ])("%s is said, recorded and no crash", async (error, status, code) => {
    for (const [method, path, body] of endpoints.filter(([each]) => each !== "GET")) {
      const door = openFakeAdminDoor(failing(error));
      const answer = await ask(door, path, toAsked(method, body));
      expect(answer).toMatchObject({ status, code });
      expect(answer.text).not.toContain("secret");
      expect(door.logged.join()).not.toContain("secret");
      expect(door.operations.records).toMatchObject([{ decision: "failed", code, status }]);
    }
  });

  test("one block too many is BLOCKS_FULL", async () => {
    const door = openFakeAdminDoor(failing(new RangeError("More than 1000")));
    const answer = await post(door, wish);
    expect(answer).toMatchObject({ status: 409, code: "BLOCKS_FULL" });
    expect(answer.text).toContain("More than 1000");
  });

  test("an authentication that fails lets nobody in", async () => {
    for (const [error, status] of [
      [new StoreLost("timeout", "lost"), 503],
      [new Error("broken"), 500],
    ] as const) {
      const door = openFakeAdminDoor({ authenticate: () => Promise.reject(error) });
      expect((await post(door, wish)).status).toBe(status);
      expect(acted(door)).toEqual([]);
      expect(door.operations.refusals).toHaveLength(1);
    }
  });
});
