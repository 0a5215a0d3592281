import { request as requestTls } from "node:https";
import { afterEach, expect, test } from "vitest";
import { openRuntime } from "../../src/runtime/index.ts";
import type { Listening, ServeOptions } from "../../src/runtime/index.ts";
import { openRaw, problemOf, sendRaw, statusOf } from "./raw.ts";
import { cert, key } from "./tls.fixture.ts";

const runtime = await openRuntime();
const onNode = runtime.name === "node";
const open: Listening[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((listening) => listening.close(0)));
});

async function serve(options: Partial<ServeOptions> = {}) {
  const seen: string[] = [];
  const refused: string[] = [];
  const fetch = options.fetch ?? (async (request: Request) => new Response(await request.text()));
  const listening = await runtime.serve({
    host: "127.0.0.1",
    port: 0,
    refused: (code) => refused.push(code),
    ...options,
    fetch: (request, peer) => {
      seen.push(`${request.method} ${request.url}`);
      return fetch(request, peer);
    },
  });
  open.push(listening);
  return { ...listening, seen, refused, url: `http://127.0.0.1:${listening.port}` };
}

const host = "Host: gateway.test\r\n";
const last = `${host}Connection: close\r\n`;

test("serve rejects where another listener has the port", async () => {
  const { port } = await serve();
  const second = runtime.serve({ host: "127.0.0.1", port, fetch: () => new Response("") });
  await expect(second).rejects.toThrow();
});

test("serve answers with the body it was sent, and knows the peer", async () => {
  let address: string | undefined;
  const { url } = await serve({
    fetch: async (request, peer) => {
      address = peer.address;
      return new Response(await request.text(), { status: 201 });
    },
  });
  const response = await fetch(`${url}/mcp`, { method: "POST", body: "grüße" });
  expect([response.status, await response.text()]).toEqual([201, "grüße"]);
  expect(address).toBe("127.0.0.1");
});

const chunked = "3\r\nabc\r\n0\r\n\r\n";
test.each([
  ["length and chunks", `${last}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`],
  ["an unknown coding", `${last}Transfer-Encoding: xchunked\r\n\r\n${chunked}`],
  ["chunked not last", `${last}Transfer-Encoding: chunked, identity\r\n\r\n${chunked}`],
  [
    "two codings",
    `${last}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${chunked}`,
  ],
  ["a space before the colon", `${last}Transfer-Encoding : chunked\r\n\r\n${chunked}`],
  ["two lengths", `${last}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
  ["two equal lengths", `${last}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`],
  ["a signed length", `${last}Content-Length: +3\r\n\r\nabc`],
  ["a folded header", `${last}X-A: a\r\n b\r\nContent-Length: 0\r\n\r\n`],
  ["a NUL in a header", `${last}X-A: a\0b\r\nContent-Length: 0\r\n\r\n`],
  ["two hosts", `${last}Host: other.test\r\nContent-Length: 0\r\n\r\n`],
  ["two equal hosts", `${last}${host}Content-Length: 0\r\n\r\n`],
  [
    "two tokens",
    `${last}Authorization: Bearer a\r\nAuthorization: Bearer b\r\nContent-Length: 0\r\n\r\n`,
  ],
  ["two origins", `${last}Origin: http://a\r\nOrigin: http://b\r\nContent-Length: 0\r\n\r\n`],
  ["two sessions", `${last}Mcp-Session-Id: a\r\nmcp-session-id: b\r\nContent-Length: 0\r\n\r\n`],
  ["two methods", `${last}Mcp-Method: a\r\nMcp-Method: a\r\nContent-Length: 0\r\n\r\n`],
])("serve refuses %s with 400 and closes", async (_what, rest) => {
  const { port, seen } = await serve();
  expect(statusOf(await sendRaw(port, `POST /mcp HTTP/1.1\r\n${rest}`))).toBe(400);
  expect(seen).toEqual([]);
});

// Deno joins these, and the comparison with the body refuses them.
test.runIf(onNode).each(["Mcp-Name", "Mcp-Param-Region"])(
  "serve refuses a second %s with problem details",
  async (name) => {
    const { port, seen, refused } = await serve();
    const answer = await sendRaw(
      port,
      `POST /mcp HTTP/1.1\r\n${last}${name}: a\r\n${name}: b\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(statusOf(answer)).toBe(400);
    expect(answer.toLowerCase()).toContain("content-type: application/problem+json");
    expect(problemOf(answer)).toMatchObject({ code: "MESSAGE_MALFORMED" });
    expect([seen, refused]).toEqual([[], ["MESSAGE_MALFORMED"]]);
  },
);

// Deno's parser takes a bare LF as the end of a line (docs/deno.md).
test.runIf(onNode)("serve refuses bare LF on Node", async () => {
  const { port, seen } = await serve();
  const answer = await sendRaw(port, "GET /mcp HTTP/1.1\nHost: a\nConnection: close\n\n");
  expect([statusOf(answer), seen]).toEqual([400, []]);
});

test.runIf(onNode)("serve refuses a request without Host on Node", async () => {
  const { port, seen } = await serve();
  const answer = await sendRaw(port, "GET /mcp HTTP/1.0\r\n\r\n");
  expect([statusOf(answer), seen]).toEqual([400, []]);
});

test.each([
  ["absolute form", "GET http://evil.test/mcp", 400],
  ["absolute form with another path", "GET http://evil.test", 400],
  ["dot segments", "GET /open/../mcp", 404],
  ["encoded dot segments", "GET /open/%2e%2E/mcp", 404],
  ["a trailing dot segment", "GET /mcp/x/..", 404],
  ["a backslash", "GET /x\\..\\mcp", 404],
])("serve refuses %s in the target", async (_what, line, status) => {
  const { port, seen } = await serve();
  const answer = await sendRaw(port, `${line} HTTP/1.1\r\n${last}\r\n`);
  expect([statusOf(answer), seen]).toEqual([status, []]);
  expect(answer.toLowerCase()).toContain("connection: close");
});

test.each(["CONNECT gateway.test:80", "TRACE /mcp"])("serve refuses %s with 405", async (line) => {
  const { port, seen } = await serve();
  const answer = await sendRaw(port, `${line} HTTP/1.1\r\n${last}\r\n`);
  expect(statusOf(answer)).toBe(405);
  expect(problemOf(answer).code).toBe("HTTP_METHOD_UNSUPPORTED");
  expect(seen).toEqual([]);
});

test("serve refuses a WebSocket, and serves a library that offers h2c over HTTP/1.1", async () => {
  const { port, seen } = await serve();
  const offer = (protocol: string) =>
    `GET /mcp HTTP/1.1\r\n${host}Connection: close, Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
  expect(statusOf(await sendRaw(port, offer("websocket")))).toBe(400);
  expect(seen).toEqual([]);
  expect(statusOf(await sendRaw(port, offer("h2c")))).toBe(200);
});

test("serve refuses headers over the cap with 431", async () => {
  const { port, seen } = await serve();
  const answer = await sendRaw(
    port,
    `GET /mcp HTTP/1.1\r\n${last}X-A: ${"a".repeat(17_000)}\r\n\r\n`,
  );
  expect([statusOf(answer), problemOf(answer).code]).toEqual([431, "HEADERS_TOO_LARGE"]);
  expect(seen).toEqual([]);
});

test("serve refuses hundreds of small headers", async () => {
  const { port, seen } = await serve();
  const answer = await sendRaw(port, `GET /mcp HTTP/1.1\r\n${last}${"a:b\r\n".repeat(1_000)}\r\n`);
  // Deno's parser stops at a hundred and has one status for all it dislikes.
  expect(statusOf(answer)).toBe(onNode ? 431 : 400);
  expect(seen).toEqual([]);
});

test("serve answers a request whose body it never reads, and closes", async () => {
  const { port } = await serve({ fetch: () => new Response("no", { status: 401 }) });
  const connection = openRaw(
    port,
    `POST /mcp HTTP/1.1\r\n${host}Content-Length: 9999999\r\n\r\nabc`,
  );
  const answer = await (onNode ? connection.closed : connection.until("\r\n\r\nno"));
  connection.socket.destroy();
  expect(statusOf(answer)).toBe(401);
  if (onNode) expect(answer.toLowerCase()).toContain("connection: close");
});

test("serve lets a client read a refusal while it still sends megabytes", async () => {
  const { url } = await serve({ fetch: () => new Response("no", { status: 413 }) });
  const response = await fetch(url, { method: "POST", body: new Uint8Array(20_000_000) });
  expect([response.status, await response.text()]).toEqual([413, "no"]);
});

test.runIf(onNode)(
  "serve takes what a refused client still sends, and resets nothing on Node",
  async () => {
    const { port } = await serve({ fetch: () => new Response("no", { status: 413 }) });
    const bytes = 30_000_000;
    const connection = openRaw(
      port,
      `POST /mcp HTTP/1.1\r\n${host}Content-Length: ${bytes}\r\n\r\n`,
    );
    await connection.until("\r\n\r\nno");
    const sent = await new Promise((resolve) => {
      connection.socket.write(Buffer.alloc(bytes), resolve);
    });
    expect(sent ?? "taken").toBe("taken");
    connection.socket.destroy();
  },
);

test.runIf(onNode)("serve closes an idle connection on Node", async () => {
  const { port } = await serve({ keepAliveTimeoutMs: 100 });
  const answer = await sendRaw(port, `GET /mcp HTTP/1.1\r\n${host}\r\n`);
  expect(statusOf(answer)).toBe(200);
});

test("serve keeps a connection open between two requests", async () => {
  const { port } = await serve();
  const post = `POST /mcp HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\n`;
  const connection = openRaw(port, `${post}11`);
  await connection.until("\r\n\r\n11");
  connection.socket.write(`${post}22`);
  expect(await connection.until("\r\n\r\n22")).toContain("\r\n\r\n22");
  connection.socket.destroy();
});

test("serve ends a body that is too slow with 408", async () => {
  const { port, refused } = await serve({ headersTimeoutMs: 200, bodyTimeoutMs: 200 });
  const connection = openRaw(port, `POST /mcp HTTP/1.1\r\n${host}Content-Length: 9\r\n\r\nabc`);
  // Deno answers, but keeps the connection of a body that never ends (docs/deno.md).
  const answer = await (onNode ? connection.closed : connection.until('"requestId"'));
  connection.socket.destroy();
  expect([statusOf(answer), problemOf(answer).code]).toEqual([408, "BODY_TIMEOUT"]);
  // Whoever has the request records it; to be told here as well would count it twice.
  expect(refused).toEqual([]);
});

test.runIf(onNode).each(["", "POST /mcp HT", `POST /mcp HTTP/1.1\r\n${host}X-A: `])(
  "serve ends headers that are too slow on Node: %j",
  async (start) => {
    const { port, seen } = await serve({ headersTimeoutMs: 200, bodyTimeoutMs: 100 });
    const answer = await sendRaw(port, start);
    expect(["", "408"]).toContain(answer.slice(9, 12));
    expect(seen).toEqual([]);
  },
);

test("serve answers a good call at once while 200 sockets stall", async () => {
  const { port, url } = await serve();
  const stalled = Array.from({ length: 200 }, (_, index) =>
    openRaw(
      port,
      index % 2 === 0
        ? `POST /mcp HTTP/1.1\r\n${host}Content-Length: 9\r\n\r\na`
        : `POST /mcp HTTP/1.1\r\n${host}X-A: `,
    ),
  );
  await Promise.all(
    stalled.map(({ socket }) => new Promise((resolve) => socket.once("connect", resolve))),
  );
  const start = runtime.clock.elapsed();
  const response = await fetch(url, { method: "POST", body: "good" });
  expect(await response.text()).toBe("good");
  expect(runtime.clock.elapsed() - start).toBeLessThan(2_000);
  for (const { socket } of stalled) socket.destroy();
});

/** An endless stream that counts what was asked of it. */
function endless(chunk: Uint8Array) {
  let cancel: () => void = () => undefined;
  const cancelled = new Promise<void>((resolve) => {
    cancel = resolve;
  });
  const state = { pulled: 0, cancelled };
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      state.pulled += 1;
      controller.enqueue(chunk);
    },
    cancel: () => cancel(),
  });
  return { state, body };
}

test("serve streams an answer as it comes, and cancels it when the client leaves", async () => {
  let give: (text: string) => void = () => undefined;
  let gone: () => void = () => undefined;
  const cancelled = new Promise<void>((resolve) => {
    gone = resolve;
  });
  let aborted: Promise<unknown> = Promise.resolve();
  const { port } = await serve({
    fetch: ({ signal }) => {
      aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          give = (text) => controller.enqueue(new TextEncoder().encode(text));
        },
        cancel: gone,
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  });
  const connection = openRaw(port, `GET /mcp HTTP/1.1\r\n${host}\r\n`);
  await connection.until("text/event-stream");
  give("data: 1\n\n");
  await connection.until("data: 1");
  give("data: 2\n\n");
  await connection.until("data: 2");
  connection.socket.destroy();
  give("data: 3\n\n");
  await Promise.all([cancelled, aborted]);
});

test("serve asks no more of a stream than the client takes", async () => {
  const { state, body } = endless(new Uint8Array(65_536));
  const { port } = await serve({ fetch: () => new Response(body) });
  const connection = openRaw(port, `GET /mcp HTTP/1.1\r\n${host}\r\n`);
  await connection.until("\r\n\r\n");
  connection.socket.pause();
  let before = -1;
  // Still when a turn of the timers brings no more: socket buffers hold a few megabytes at most.
  while (before !== state.pulled) {
    before = state.pulled;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  expect(state.pulled * 65_536).toBeLessThan(64_000_000);
  connection.socket.destroy();
  await state.cancelled;
});

test.runIf(onNode)(
  "serve gives up on a client that takes nothing of its answer on Node",
  async () => {
    const { state, body } = endless(new Uint8Array(65_536));
    const { port } = await serve({ fetch: () => new Response(body), writeTimeoutMs: 300 });
    const connection = openRaw(port, `GET /mcp HTTP/1.1\r\n${host}\r\n`);
    await connection.until("\r\n\r\n");
    connection.socket.pause();
    await state.cancelled;
    connection.socket.destroy();
  },
);

test.runIf(onNode)(
  "serve lets the gateway think longer than the write timeout on Node",
  async () => {
    let answer: () => void = () => undefined;
    const { url } = await serve({
      fetch: () =>
        new Promise((resolve) => {
          answer = () => resolve(new Response("late"));
        }),
      writeTimeoutMs: 100,
    });
    const pending = fetch(url);
    await new Promise((resolve) => setTimeout(resolve, 400));
    answer();
    expect(await (await pending).text()).toBe("late");
  },
);

test("close waits for the open request, refuses new connections, and says that it closes", async () => {
  let answer: () => void = () => undefined;
  let arrived: () => void = () => undefined;
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const { port, close } = await serve({
    fetch: () =>
      new Promise((resolve) => {
        arrived();
        answer = () => resolve(new Response("done"));
      }),
  });
  const connection = openRaw(port, `GET /mcp HTTP/1.1\r\n${host}\r\n`);
  await arrival;
  const closed = close(10_000);
  answer();
  expect(await connection.closed).toContain("done");
  await closed;
  expect(await sendRaw(port, `GET /mcp HTTP/1.1\r\n${host}\r\n`)).toBe("");
});

test("close cuts an open event stream at its deadline", async () => {
  const { port, close } = await serve({
    fetch: () =>
      new Response(
        new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n")),
        }),
      ),
  });
  const connection = openRaw(port, `GET /mcp HTTP/1.1\r\n${host}\r\n`);
  await connection.until("data: 1");
  await close(100);
  expect(await connection.closed).toContain("data: 1");
});

test("serve tells a port that is taken", async () => {
  const { port } = await serve();
  await expect(serve({ port })).rejects.toThrow(/EADDRINUSE|in use/i);
});

test("serve answers a throw of its program with INTERNAL and no text of it", async () => {
  const { port } = await serve({ fetch: () => Promise.reject(new Error("a secret")) });
  const answer = await sendRaw(port, `GET /mcp HTTP/1.1\r\n${last}\r\n`);
  expect([statusOf(answer), problemOf(answer).code]).toEqual([500, "INTERNAL"]);
  expect(answer).not.toContain("a secret");
});

test("serve speaks TLS with the certificate it is given", async () => {
  const { port, seen } = await serve({ tls: { cert, key } });
  const status = await new Promise((resolve, reject) => {
    const sent = requestTls(
      { host: "127.0.0.1", port, path: "/mcp", method: "POST", ca: cert, agent: false },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode));
      },
    );
    sent.on("error", reject);
    sent.end("{}");
  });
  expect(status).toBe(200);
  expect(seen).toEqual([`POST https://127.0.0.1:${port}/mcp`]);
});
