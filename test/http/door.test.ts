/** The app on the real listener: sockets in, sockets out. */
import { afterEach, expect, test } from "vitest";
import { openRuntime } from "../../src/runtime/index.ts";
import type { Listening } from "../../src/runtime/index.ts";
import { openRaw, problemOf, sendRaw, statusOf } from "../runtime/raw.ts";
import { openFakeDoor, toReply, textOf } from "./fakes.ts";
import type { FakeDoorSettings } from "./fakes.ts";

const runtime = await openRuntime();
const open: Listening[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((listening) => listening.close(0)));
});

async function serve(settings: FakeDoorSettings = {}) {
  const door = openFakeDoor(settings);
  const listening = await runtime.serve({
    host: "127.0.0.1",
    port: 0,
    fetch: (request, peer) => door.app.fetch(request, peer),
  });
  open.push(listening);
  return { ...door, port: listening.port, url: `http://127.0.0.1:${listening.port}` };
}
const get = (path: string, host = "gateway.test") =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

test("door hands over path, body, headers and the socket's address", async () => {
  const { url, arrivals } = await serve({
    handle: async ({ body }) => toReply(await textOf(body)),
  });
  const response = await fetch(`${url}/mcp/weather`, {
    method: "POST",
    headers: { authorization: "Bearer x" },
    body: '{"a":"ü"}',
  });
  expect(await response.text()).toBe('{"a":"ü"}');
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(arrivals[0]).toMatchObject({ path: "/mcp/weather", address: "127.0.0.1" });
  expect(arrivals[0]?.headers.get("authorization")).toBe("Bearer x");
  expect(arrivals[0]?.headers.get("host")).toContain("127.0.0.1");
});

test.each([
  "/mcp%2Fweather",
  "/mcp/../mcp",
  "/mcp/%2e%2e/mcp",
  "/x/..%2fmcp",
  "//mcp",
  "/mcp//weather",
  "/mcp/",
  "/mcp/weather/",
  "/mcp\\weather",
  "/%6dcp",
  "/mcp;x",
  "/MCP",
])("door answers the path variant %s with 404 and hands nothing over", async (path) => {
  const { port, arrivals } = await serve();
  const answer = await sendRaw(port, get(path));
  expect([statusOf(answer), problemOf(answer).code]).toEqual([404, "PATH_UNKNOWN"]);
  expect(arrivals).toEqual([]);
});

test("door answers health checks for any Host", async () => {
  const { port } = await serve();
  const answer = await sendRaw(port, get("/livez", "10.1.2.3:8080"));
  expect([statusOf(answer), answer.endsWith("\r\n\r\nok")]).toEqual([200, true]);
});

test("door streams events one by one, and the gateway hears that the client left", async () => {
  let give: (event: string) => void = () => undefined;
  let ended: () => void = () => undefined;
  const left = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const { port, arrivals } = await serve({
    handle: ({ signal }) =>
      toReply(
        (async function* () {
          try {
            for (;;) {
              yield await new Promise<string>((resolve, reject) => {
                give = resolve;
                signal.addEventListener("abort", () => reject(new Error("gone")));
              });
            }
          } finally {
            ended();
          }
        })(),
      ),
  });
  const connection = openRaw(
    port,
    "POST /mcp HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 2\r\n\r\n{}",
  );
  await connection.until("x-accel-buffering");
  give("data: 1\n\n");
  await connection.until("data: 1\n\n");
  give("data: 2\n\n");
  await connection.until("data: 2\n\n");
  connection.socket.destroy();
  await left;
  expect(arrivals[0]?.signal.aborted).toBe(true);
});

test("door tells a gateway that still thinks that the client left", async () => {
  let gone: () => void = () => undefined;
  const left = new Promise<void>((resolve) => {
    gone = resolve;
  });
  let arrived: () => void = () => undefined;
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const { port } = await serve({
    handle: async ({ signal }) => {
      signal.addEventListener("abort", gone);
      arrived();
      await left;
      return toReply("{}");
    },
  });
  const connection = openRaw(
    port,
    "POST /mcp HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 2\r\n\r\n{}",
  );
  await arrival;
  connection.socket.destroy();
  await left;
});

test("door does not call a client gone that has its answer", async () => {
  const { url, arrivals } = await serve({
    handle: async ({ body }) => toReply(await textOf(body)),
  });
  for (let count = 0; count < 3; count += 1) {
    const response = await fetch(`${url}/mcp`, { method: "POST", body: "{}" });
    await response.text();
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(arrivals.map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
});

test("door does not wait for the body of a caller that the gateway refuses", async () => {
  const { port } = await serve({ handle: () => toReply('{"code":"TOKEN_MISSING"}', 401) });
  const connection = openRaw(
    port,
    "POST /mcp HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1000000000\r\n\r\n{",
  );
  expect(statusOf(await connection.until("TOKEN_MISSING"))).toBe(401);
  connection.socket.destroy();
});

test("door takes no more of an endless body than the gateway reads", async () => {
  let isTooLarge = false;
  const { port } = await serve({
    handle: async ({ body }) => {
      isTooLarge = (await body?.read(100_000)) === undefined;
      return toReply('{"code":"BODY_TOO_LARGE"}', 413);
    },
  });
  const connection = openRaw(
    port,
    "POST /mcp HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  const chunk = `10000\r\n${"a".repeat(65_536)}\r\n`;
  const pump = () => {
    while (connection.socket.writable && connection.socket.write(chunk)) continue;
    connection.socket.once("drain", pump);
  };
  pump();
  expect(statusOf(await connection.until("BODY_TOO_LARGE"))).toBe(413);
  expect(isTooLarge).toBe(true);
  connection.socket.destroy();
});
