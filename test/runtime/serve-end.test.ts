import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { openRuntime } from "../../src/runtime/index.ts";
import type { Listening, ServeOptions } from "../../src/runtime/index.ts";
import { openRaw, statusOf } from "./raw.ts";
import { cert, key, renewed } from "./tls.fixture.ts";

const runtime = await openRuntime();
const onNode = runtime.name === "node";
const open: Listening[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((listening) => listening.close(0)));
});

async function serve(options: Partial<ServeOptions> = {}): Promise<Listening> {
  const listening = await runtime.serve({
    host: "127.0.0.1",
    port: 0,
    fetch: async (request) => new Response(`got ${await request.text()}`),
    ...options,
  });
  open.push(listening);
  return listening;
}

const get = "GET /mcp HTTP/1.1\r\nHost: gateway.test\r\n\r\n";

/** Far beyond what a test waits for. */
const never = 60_000;
const first = { cert, key };

test("lookAway makes each answer the last of its connection, and goes on taking new ones", async () => {
  const { port, lookAway } = await serve();
  const idle = openRaw(port, get);
  expect((await idle.until("got ")).toLowerCase()).not.toContain("connection: close");
  lookAway();
  idle.socket.write(get);
  const answers = onNode ? await idle.closed : await idle.until("connection: close");
  expect(answers.toLowerCase().match(/connection: close/g)).toHaveLength(1);
  idle.socket.destroy();
  const fresh = openRaw(port, get);
  const answer = onNode ? await fresh.closed : await fresh.until("got ");
  fresh.socket.destroy();
  expect([statusOf(answer), answer.toLowerCase()]).toEqual([
    200,
    expect.stringContaining("connection: close"),
  ]);
});

test("close ends connections that are idle at once", async () => {
  const { port, close } = await serve();
  const idle = openRaw(port, get);
  await idle.until("got ");
  const start = runtime.clock.elapsed();
  await Promise.all([close(never), idle.closed]);
  expect(runtime.clock.elapsed() - start).toBeLessThan(2_000);
});

test.runIf(onNode)("close does not wait for a connection that never says anything", async () => {
  const { port, close } = await serve({ headersTimeoutMs: never });
  const silent = openRaw(port, "");
  await once(silent.socket, "connect");
  const served = openRaw(port, get);
  await served.until("got ");
  await Promise.all([close(never), silent.closed]);
});

test.runIf(onNode).each([
  ["its headers", "POST /mcp HTTP/1.1\r\nHost: gateway.test\r\nContent-Le", "ngth: 2\r\n\r\nhi"],
  ["its body", "POST /mcp HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 2\r\n\r\nh", "i"],
])("close answers a request that has begun to arrive: in %s", async (_where, begin, rest) => {
  const { port, close } = await serve();
  const connection = openRaw(port, begin);
  await once(connection.socket, "connect");
  // The server has read what came before when it has answered what came after.
  await openRaw(port, get).until("got ");
  const closed = close(never);
  connection.socket.write(rest);
  const answer = await connection.closed;
  expect(answer).toContain("got hi");
  expect(answer.toLowerCase()).toContain("connection: close");
  await closed;
});

test("close lets a slow reader take its whole answer, and ends the connection then", async () => {
  const bytes = 30_000_000;
  const { port, close } = await serve({ fetch: () => new Response(new Uint8Array(bytes)) });
  const socket = connect(port, "127.0.0.1");
  socket.write(get);
  await once(socket, "readable");
  // Until the answer has been handed over and waits in the socket alone.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const closed = close(never);
  let taken = 0;
  for await (const chunk of socket) taken += (chunk as Buffer).length;
  await closed;
  expect(taken).toBeGreaterThan(bytes);
});

test("close ends a connection whose stream began long before, as soon as that ends", async () => {
  let end: () => void = () => undefined;
  const body = () =>
    new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
        end = () => controller.close();
      },
    });
  const { port, close } = await serve({ fetch: () => new Response(body()) });
  const connection = openRaw(port, get);
  await connection.until("data: 1");
  const closed = close(never);
  end();
  await Promise.all([connection.closed, closed]);
});

test.runIf(onNode)("close cuts a TLS handshake that stalls at its deadline", async () => {
  const { port, close } = await serve({ tls: first, headersTimeoutMs: never });
  const stalled = openRaw(port, "\u0016\u0003\u0001\u0002");
  await once(stalled.socket, "connect");
  await new Promise((resolve) => setTimeout(resolve, 100));
  await Promise.all([close(100), stalled.closed]);
});

/** The serial number of the certificate that a new connection gets. */
async function serialOf(port: number): Promise<string> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

test.runIf(onNode)("renewTls gives new connections the new certificate on Node", async () => {
  const { port, renewTls } = await serve({ tls: first });
  const before = await serialOf(port);
  expect(renewTls(renewed)).toBe(true);
  const after = await serialOf(port);
  expect(after).not.toBe(before);
  expect(() => renewTls({ cert: renewed.cert, key: key })).toThrow();
  expect(() => renewTls({ cert: "no", key: "no" })).toThrow();
  expect(await serialOf(port)).toBe(after);
});

test("renewTls says no where there was no TLS, and on Deno", async () => {
  const plain = await serve();
  expect(plain.renewTls(first)).toBe(false);
  if (!onNode) expect((await serve({ tls: first })).renewTls(first)).toBe(false);
});
