import { afterAll, beforeAll, expect, test } from "vitest";
import { type EchoServer, anyTool, startEchoServer } from "../e2e/echo-server.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  authB,
  modernRequest,
  post,
  runGateway,
  tokenB,
} from "../e2e/gateway.ts";

const count = 1_200;
const shownNames = Array.from({ length: count }, (_, index) => `echo__t${index}`);

let server: EchoServer;
let gateway: RunningGateway;

beforeAll(async () => {
  server = await startEchoServer({
    tools: () => Array.from({ length: count }, (_, index) => anyTool(`t${index}`)),
  });
  gateway = await runGateway({
    upstreams: { echo: { url: server.url } },
    clients: { a: { auth: authA, allow: allowAll }, b: { auth: authB, allow: allowAll } },
  });
});
afterAll(async () => {
  await gateway.close();
  await server.close();
});

type Answer = Awaited<ReturnType<typeof post>>;

/** The names on each page, and the cursors between them. */
async function readAll(ask: (params: { cursor?: string }) => Promise<Answer>) {
  const pages: string[][] = [];
  const cursors: string[] = [];
  let cursor: string | undefined;
  do {
    const { result } = (await ask(cursor === undefined ? {} : { cursor })).json();
    pages.push((result?.tools ?? []).map(({ name }) => name));
    cursor = result?.["nextCursor"] as string | undefined;
    if (cursor !== undefined) cursors.push(cursor);
  } while (cursor !== undefined && pages.length < 10);
  return { pages, cursors };
}

async function openLegacy(): Promise<(params: { cursor?: string }) => Promise<Answer>> {
  const basic = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const send = (method: string, params: object, headers: Record<string, string> = {}) =>
    post(`${gateway.url}/mcp`, {
      headers: { ...basic, ...headers },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
  const opened = await send("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "t", version: "1" },
  });
  const session = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
  return (params) => send("tools/list", params, session);
}

const askModern = (params: { cursor?: string }) =>
  post(`${gateway.url}/mcp`, modernRequest("tools/list", params));

test("a list of 1200 tools arrives in pages of 500 in the modern era", async () => {
  const { pages } = await readAll(askModern);
  expect(pages.map(({ length }) => length)).toEqual([500, 500, 200]);
  expect(pages.flat()).toEqual(shownNames);
});

test("a list of 1200 tools arrives in pages of 500 in the legacy era", async () => {
  const { pages } = await readAll(await openLegacy());
  expect(pages.map(({ length }) => length)).toEqual([500, 500, 200]);
  expect(pages.flat()).toEqual(shownNames);
});

test("a cursor of another client is refused as a forged one is", async () => {
  const { cursors } = await readAll(askModern);
  const request = (cursor: unknown) => modernRequest("tools/list", { cursor });
  const foreign = await post(`${gateway.url}/mcp`, request(cursors[0]), tokenB);
  const forged = await post(`${gateway.url}/mcp`, request("t499"), tokenB);
  for (const answer of [foreign, forged]) {
    expect(answer.status).toBe(200);
    expect(answer.json().error).toMatchObject({
      code: -32602,
      message: "The cursor is not valid",
      data: { code: "CURSOR_INVALID" },
    });
  }
});
