import { afterAll, expect, test } from "vitest";
import { Secret } from "../../src/core/index.ts";
import { startEchoServer } from "./echo-server.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  modernRequest,
  post,
  runGateway,
} from "./gateway.ts";

const old = new Secret("an-old-key-of-at-least-thirty-two-bytes");
const young = new Secret("a-young-key-of-at-least-thirty-two-bytes");
const running: { close: () => unknown }[] = [];
afterAll(() => Promise.all(running.map((each) => each.close())));

const tools = Array.from(
  { length: 600 },
  (_, index) => `{"name":"t${index}","inputSchema":{"type":"object"}}`,
);

async function open(url: string, keys: readonly Secret[]): Promise<RunningGateway> {
  const gateway = await runGateway({
    keys: [...keys],
    upstreams: { x: { url } },
    clients: { a: { auth: authA, allow: allowAll } },
  });
  running.push(gateway);
  return gateway;
}

async function page(gateway: RunningGateway, cursor?: string) {
  const params = cursor === undefined ? {} : { cursor };
  const answer = await post(`${gateway.url}/mcp`, modernRequest("tools/list", params));
  return answer.json();
}

test("what one gateway sealed opens at another with its key, also behind a new one, and at no third", async () => {
  const server = await startEchoServer({ tools: () => tools });
  running.push(server);
  const first = await open(server.url, [old]);
  const cursor = (await page(first)).result?.["nextCursor"] as string;
  const rotated = await open(server.url, [young, old]);
  expect((await page(rotated, cursor)).result?.tools).toHaveLength(100);
  const third = await open(server.url, [young]);
  expect((await page(third, cursor)).error?.data.code).toBe("CURSOR_INVALID");
});

test("what was sealed without keys is good at no other gateway", async () => {
  const server = await startEchoServer({ tools: () => tools });
  running.push(server);
  const cursor = (await page(await open(server.url, []))).result?.["nextCursor"] as string;
  const other = await open(server.url, []);
  expect((await page(other, cursor)).error?.data.code).toBe("CURSOR_INVALID");
});
