import {
  Client as ModernClient,
  StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningGateway, allowAll, authA, npmServer, runGateway, tokenA } from "./gateway.ts";

let gateway: RunningGateway;
let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "files-"));
  await writeFile(join(data, "hello.txt"), "hello from a file");
  gateway = await runGateway({
    upstreams: {
      everything: npmServer("server-everything", "stdio"),
      files: npmServer("server-filesystem", data),
      memory: {
        ...npmServer("server-memory"),
        env: { MEMORY_FILE_PATH: join(data, "memory.jsonl") },
      },
    },
    clients: { a: { auth: authA, allow: allowAll } },
  });
});
afterAll(() => gateway.close());

const headers = { authorization: `Bearer ${tokenA}` };

async function modern(mode: "auto" | "legacy", path = "/mcp"): Promise<ModernClient> {
  const client = new ModernClient({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  const url = new URL(gateway.url + path);
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
  return client;
}

async function legacy(path = "/mcp"): Promise<LegacyClient> {
  const client = new LegacyClient({ name: "test", version: "1" });
  const url = new URL(gateway.url + path);
  await client.connect(new LegacyTransport(url, { requestInit: { headers } }) as never);
  return client;
}

const clients = [
  ["@modelcontextprotocol/client in the modern era", () => modern("auto")],
  ["@modelcontextprotocol/client in the legacy era", () => modern("legacy")],
  ["@modelcontextprotocol/sdk", () => legacy()],
] as const;

describe.each(clients)("%s", (_, connect) => {
  test("lists the tools of all servers under their shown names", async () => {
    const client = await connect();
    const names = (await client.listTools()).tools.map((tool) => tool.name);
    expect(names).toContain("everything__echo");
    expect(names).toContain("files__read_text_file");
    expect(names).toContain("memory__read_graph");
    await client.close();
  });

  test("calls tools of each server", async () => {
    const client = await connect();
    const echo = await client.callTool({ name: "everything__echo", arguments: { message: "hi" } });
    expect(echo.content).toEqual([{ type: "text", text: "Echo: hi" }]);
    const read = await client.callTool({
      name: "files__read_text_file",
      arguments: { path: join(data, "hello.txt") },
    });
    expect(JSON.stringify(read.content)).toContain("hello from a file");
    const graph = await client.callTool({ name: "memory__read_graph", arguments: {} });
    expect(graph.isError).not.toBe(true);
    await client.close();
  });

  test("gets a prompt", async () => {
    const client = await connect();
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toContain("everything__simple-prompt");
    const prompt = await client.getPrompt({ name: "everything__simple-prompt" });
    expect(prompt.messages.length).toBeGreaterThan(0);
    await client.close();
  });

  test("reads a resource under the URI that the list shows", async () => {
    const client = await connect();
    const [first] = (await client.listResources()).resources;
    expect(first?.uri).toMatch(/^everything\+/);
    const { contents } = await client.readResource({ uri: first?.uri ?? "" });
    expect(contents[0]?.uri).toBe(first?.uri);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.length).toBeGreaterThan(0);
    await client.close();
  });

  test("hears the progress of its own call", async () => {
    const client = await connect();
    const progress: number[] = [];
    const call = client.callTool.bind(client) as (
      params: object,
      ...rest: unknown[]
    ) => Promise<{ content: unknown }>;
    const params = {
      name: "everything__trigger-long-running-operation",
      arguments: { duration: 1, steps: 4 },
    };
    const options = { onprogress: (each: { progress: number }) => progress.push(each.progress) };
    await (client instanceof LegacyClient
      ? call(params, undefined, options)
      : call(params, options));
    expect(progress.length).toBeGreaterThan(1);
    await client.close();
  });

  test("is told of an unknown tool", async () => {
    const client = await connect();
    await expect(client.callTool({ name: "everything__nothing" })).rejects.toThrow(/Unknown tool/);
    await client.close();
  });
});

test("an endpoint of one server uses the server's own names", async () => {
  const client = await modern("auto", "/mcp/files");
  const names = (await client.listTools()).tools.map((tool) => tool.name);
  expect(names).toContain("read_text_file");
  expect(names.every((name) => !name.includes("__"))).toBe(true);
  await client.close();
});
