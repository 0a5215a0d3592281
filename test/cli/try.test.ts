/** The test client against a real HTTP server that stands in for a gateway. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tryOut } from "../../src/cli/try.ts";
import { openRuntime } from "../../src/runtime/index.ts";

const token = "a-token-of-more-than-thirty-two-characters";
const config = {
  upstreams: { wiki: { url: "http://127.0.0.1:9/mcp" } },
  clients: { app: { auth: { token: { secret: "APP_TOKEN" } }, allow: { tools: ["wiki/*"] } } },
};
const list = { jsonrpc: "2.0", id: 1, result: { tools: [{ name: "read" }] } };
const refused = { status: 401, code: "TOKEN_MISSING", title: "A bearer token is required" };

let folder = "";
let server: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcp-gw-try-"));
  await writeFile(join(folder, "gateway.config.json"), JSON.stringify(config));
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await rm(folder, { recursive: true });
});

/** What a gateway says that asks for a token, or one that does not. */
async function listen(asksForToken: boolean): Promise<string> {
  server = createServer((request, response) => {
    const isKnown = request.headers.authorization === `Bearer ${token}`;
    const isRefused = asksForToken && !isKnown;
    response.writeHead(isRefused ? 401 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(isRefused ? refused : list));
  });
  const listening = server;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

async function tryAt(
  url: string | undefined,
): Promise<{ code: number; lines: readonly unknown[] }> {
  const runtime = { ...(await openRuntime()), env: { APP_TOKEN: token } };
  const lines: unknown[] = [];
  const output = {
    out: (text: string) => lines.push(JSON.parse(text)),
    err: (text: string) => lines.push(text),
  };
  const options = { config: join(folder, "gateway.config.json"), url, json: true };
  return { code: await tryOut(options, runtime, output), lines };
}

test("try says what each client may do, and ends with 0 where all is as expected", async () => {
  const { code, lines } = await tryAt(await listen(true));
  expect(lines).toMatchObject([
    { client: "(nobody)", decision: "denied", code: "TOKEN_MISSING", asExpected: true },
    { client: "app", sent: "tools/list", decision: "allowed", reason: "tools: read" },
  ]);
  expect(code).toBe(0);
});

test("try ends with 1 where a gateway lets a stranger in", async () => {
  const { code, lines } = await tryAt(await listen(false));
  expect(lines[0]).toMatchObject({ client: "(nobody)", decision: "allowed", asExpected: false });
  expect(code).toBe(1);
});

test("try ends with 1 where no gateway answers", async () => {
  const url = await listen(true);
  server?.close();
  const { code, lines } = await tryAt(url);
  const reason = expect.stringMatching(/ECONNREFUSED|Connection refused/) as string;
  expect(lines).toMatchObject([
    { decision: "failed", reason },
    { decision: "failed", reason },
  ]);
  expect(code).toBe(1);
});

test("try ends with 2 where --url is no URL", async () => {
  expect(await tryAt("localhost:8080")).toEqual({
    code: 2,
    lines: ['Cannot use --url "localhost:8080": it must be a URL such as http://127.0.0.1:8080'],
  });
});

test("try without --url leaves the audit file to the gateway that may be running", async () => {
  await tryAt(undefined);
  expect(await readFile(join(folder, ".mcp-gw/try.jsonl"), "utf8")).toContain('"client":"app"');
  await expect(readFile(join(folder, "audit.jsonl"))).rejects.toThrow("ENOENT");
});

test("try comes as the anonymous client where there is one, and names whom it cannot be", async () => {
  const clients = {
    local: { auth: "anonymous", allow: { tools: ["wiki/*"] } },
    far: { auth: { tokenSha256: "a".repeat(64) }, allow: { tools: ["wiki/*"] } },
  };
  await writeFile(join(folder, "gateway.config.json"), JSON.stringify({ ...config, clients }));
  const lines: string[] = [];
  const output = {
    out: (text: string) => lines.push(text),
    err: (text: string) => lines.push(text),
  };
  const options = { config: join(folder, "gateway.config.json"), json: false };
  const url = await listen(false);
  expect(await tryOut({ ...options, url }, await openRuntime(), output)).toBe(0);
  expect(lines[1]).toMatch(/local +tools\/list +allowed/);
  expect(lines.slice(2)).toEqual([
    "\n1 call, all as expected\nNot tried, because the config does not hold their tokens: far",
  ]);
});
