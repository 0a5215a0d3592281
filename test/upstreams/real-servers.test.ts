import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { at, items, stringOf, textOf } from "../../src/mcp/index.ts";
import {
  type Opened,
  ask,
  callTool,
  caller,
  collect,
  eventually,
  keysOf,
  never,
  open,
  request,
  shown,
} from "./harness.ts";

const require = createRequire(import.meta.url);
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function npm(name: string, ...args: string[]) {
  const file = require.resolve(`@modelcontextprotocol/${name}/dist/index.js`);
  return { command: process.execPath, args: [file, ...args] };
}

function opened(upstreams: Parameters<typeof open>[0]): Opened {
  const all = open(upstreams);
  closers.unshift(all.close);
  return all;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Starts a server from npm or a fixture that listens, and waits until it says so. */
async function startHttp(file: string, ...args: string[]): Promise<string> {
  const port = await freePort();
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  closers.push(
    () =>
      new Promise((resolve) => {
        child.once("exit", resolve);
        child.kill("SIGKILL");
      }),
  );
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await eventually(() => said.includes("listening"));
  return `http://127.0.0.1:${port}/mcp`;
}

async function textOfCall(upstreams: Opened, name: string, args = "{}"): Promise<string> {
  const last = await ask(upstreams.the("it"), callTool(name, args));
  if (last.kind !== "result") throw new Error(JSON.stringify(last));
  const [first] = items(at(last.result, "content"));
  return stringOf(at(first, "text")) ?? textOf(last.result);
}

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

async function meetsEverything(upstreams: Opened): Promise<void> {
  const it = upstreams.the("it");
  expect(await keysOf(it, "tools")).toEqual(expect.arrayContaining(["echo", "get-sum"]));
  expect(await keysOf(it, "prompts")).toContain("simple-prompt");
  expect((await keysOf(it, "resources")).length).toBeGreaterThan(3);
  expect(await textOfCall(upstreams, "echo", '{"message":"hello"}')).toContain("hello");
  expect(await textOfCall(upstreams, "get-sum", '{"a":2,"b":40}')).toContain("42");
  const prompt = await ask(it, request("prompts/get", '{"name":"simple-prompt"}'));
  expect(shown(prompt)).toContain('"messages"');
  const slow =
    '{"name":"trigger-long-running-operation","arguments":{"duration":0.3,"steps":3},"_meta":{"progressToken":"p"}}';
  const messages = (await collect(it, request("tools/call", slow))).map(shown);
  expect(messages.filter((text) => text.includes("notifications/progress"))).toHaveLength(3);
  expect(messages.at(-1)).toContain("completed");
  const unknown = await ask(it, callTool("no-such-tool"));
  expect(shown(unknown)).toMatch(/error|isError/);
  expect(upstreams.status()[0]).toMatchObject({ era: "legacy", state: "up" });
}

test("server-everything is listed, called and followed on stdio", async () => {
  await meetsEverything(opened({ it: npm("server-everything", "stdio") }));
});

test("server-everything is listed, called and followed over streamable HTTP", async () => {
  const file = require.resolve("@modelcontextprotocol/server-everything/dist/index.js");
  await meetsEverything(opened({ it: { url: await startHttp(file, "streamableHttp") } }));
});

test("server-everything over HTTP gets a new session after it was started anew", async () => {
  const file = require.resolve("@modelcontextprotocol/server-everything/dist/index.js");
  const url = await startHttp(file, "streamableHttp");
  const upstreams = opened({ it: { url } });
  expect(await textOfCall(upstreams, "echo", '{"message":"one"}')).toContain("one");
  await closers.pop()?.();
  const { port } = new URL(url);
  const child = spawn(process.execPath, [file, "streamableHttp"], {
    env: { ...process.env, PORT: port },
    stdio: ["ignore", "ignore", "pipe"],
  });
  closers.push(async () => child.kill("SIGKILL"));
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await eventually(() => said.includes("listening"));
  expect(await textOfCall(upstreams, "echo", '{"message":"two"}')).toContain("two");
});

test("server-filesystem reads and writes where it may", async () => {
  const folder = await mkdtemp(join(tmpdir(), "files-"));
  closers.push(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "a.txt"), "from a file");
  const upstreams = opened({ it: npm("server-filesystem", folder) });
  expect(await keysOf(upstreams.the("it"), "tools")).toContain("read_text_file");
  const path = (name: string) => JSON.stringify(join(folder, name));
  expect(await textOfCall(upstreams, "read_text_file", `{"path":${path("a.txt")}}`)).toBe(
    "from a file",
  );
  await textOfCall(upstreams, "write_file", `{"path":${path("b.txt")},"content":"x"}`);
  expect(await readFile(join(folder, "b.txt"), "utf8")).toBe("x");
});

test("server-memory remembers", async () => {
  const folder = await mkdtemp(join(tmpdir(), "memory-"));
  closers.push(() => rm(folder, { recursive: true }));
  const env = { MEMORY_FILE_PATH: join(folder, "memory.jsonl") };
  const upstreams = opened({ it: { ...npm("server-memory"), env } });
  const entity = '{"name":"cat","entityType":"animal","observations":["sleeps"]}';
  await textOfCall(upstreams, "create_entities", `{"entities":[${entity}]}`);
  expect(await textOfCall(upstreams, "read_graph")).toContain("sleeps");
});

test.each(["stdio", "http"])("a modern server of the official SDK works over %s", async (over) => {
  const file = fixture("modern-sdk.js");
  const upstreams = opened({
    it:
      over === "stdio"
        ? { command: process.execPath, args: [file] }
        : { url: await startHttp(file, "http") },
  });
  const it = upstreams.the("it");
  expect(await keysOf(it, "tools")).toEqual(["add", "slow"]);
  expect(await textOfCall(upstreams, "add", '{"a":2,"b":3}')).toBe("5");
  const slow = '{"name":"slow","arguments":{},"_meta":{"progressToken":7}}';
  const messages = (await collect(it, request("tools/call", slow))).map(shown);
  expect(messages[0]).toMatch(/^notifications\/progress .*"progressToken":7/);
  expect(messages.at(-1)).toContain("done");
  expect(upstreams.era("it")).toBe("modern");
  const found = await it.discover(caller(), never);
  expect(found).toMatchObject({ instructions: "Add things" });
});
