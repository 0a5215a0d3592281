import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { mkdtemp } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MountableGateway, createGateway, defineConfig } from "../../src/index.ts";
import { type EchoServer, startEchoServer } from "./echo-server.ts";
import { modernRequest, post } from "./gateway.ts";

let server: EchoServer;
let gateway: MountableGateway;

beforeAll(async () => {
  server = await startEchoServer();
  const folder = await mkdtemp(join(tmpdir(), "library-"));
  const config = defineConfig({
    upstreams: { echo: { url: server.url } },
    clients: { local: { auth: "anonymous", allow: { tools: ["echo/*"] } } },
  });
  gateway = await createGateway(config, { folder });
});
afterAll(async () => {
  await gateway.close();
  await server.close();
});

const ask = (extra: Record<string, string> = {}): Request => {
  const { headers, body } = modernRequest("tools/call", { name: "echo__echo", arguments: {} });
  const all = { ...headers, host: "localhost", ...extra };
  return new Request("http://localhost/mcp", { method: "POST", headers: all, body });
};

test("fetch answers an anonymous client on loopback", async () => {
  const response = await gateway.fetch(ask(), { remoteAddress: "127.0.0.1" });
  expect(response.status).toBe(200);
});

test.each([
  ["without an address", undefined, {}],
  ["from off loopback", "192.0.2.1", {}],
  ["behind a proxy", "127.0.0.1", { "x-forwarded-for": "127.0.0.1" }],
  ["behind another proxy", "127.0.0.1", { forwarded: "for=127.0.0.1" }],
])("an anonymous client %s is refused", async (_, remoteAddress, headers) => {
  const response = await gateway.fetch(ask(headers), { remoteAddress });
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ code: "TOKEN_MISSING" });
});

test("the app serves from inside another Hono program", async () => {
  const program = new Hono();
  program.get("/", (context) => context.text("mine"));
  program.route("/", gateway.app);
  const listening = serve({ fetch: program.fetch, port: 0, hostname: "127.0.0.1" });
  await new Promise((resolve) => listening.once("listening", resolve));
  const { port } = listening.address() as AddressInfo;
  const { headers, body } = modernRequest("tools/call", { name: "echo__echo", arguments: {} });
  const answer = await post(`http://127.0.0.1:${port}/mcp`, { headers, body }, null);
  expect(answer.json().result?.content?.[0]?.text).toBe("ok");
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("mine");
  await new Promise((resolve) => listening.close(resolve));
});

test("a wrong config is refused with every fault", async () => {
  const wrong = { clients: { a: { auth: "anonymous", alow: {} } }, upstream: {} };
  await expect(createGateway(wrong as never)).rejects.toThrow(/alow[^]*upstream|upstream[^]*alow/);
});
