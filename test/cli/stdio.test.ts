/** `mcp-gw stdio` as a host starts it: a process, official clients on its pipes, a real server behind. */
import { Client as ModernClient } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { once } from "node:events";
import { readFile, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { npmServer } from "../e2e/gateway.ts";
import { commandOf } from "../built.ts";
import { type Program, folderWith, start } from "./processes.ts";

const allow = { tools: ["*"], resources: ["*"], prompts: ["*"], input: ["elicitation"] };
const node = process.versions["deno"] === undefined ? process.execPath : "node";
const config = {
  listen: { port: 0 },
  upstreams: {
    everything: { ...npmServer("server-everything", "stdio"), command: node },
  },
  clients: {
    desktop: { auth: "stdio", allow },
    hashed: { auth: { tokenSha256: "a".repeat(64) }, allow },
    local: { auth: "anonymous", allow },
  },
};
const elicitation = { capabilities: { elicitation: {} } };
const answer = () => ({ action: "accept" as const, content: { name: "Ada" } });

let folder: string;
let file: string;

beforeAll(async () => {
  ({ folder, file } = await folderWith(config));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const commandFor = (client: string, ...more: readonly string[]) => ({
  ...commandOf("stdio", "--client", client, "--config", file, ...more),
  stderr: "ignore" as const,
});

async function modern(mode: "auto" | "legacy", ...words: readonly string[]) {
  const client = new ModernClient(
    { name: "test", version: "1" },
    { ...elicitation, versionNegotiation: { mode } },
  );
  client.setRequestHandler("elicitation/create", answer);
  await client.connect(
    new StdioClientTransport(commandFor(words[0] ?? "desktop", ...words.slice(1))),
  );
  return client;
}

async function legacy() {
  const { ElicitRequestSchema } = await import("@modelcontextprotocol/sdk/types.js");
  const client = new LegacyClient({ name: "test", version: "1" }, elicitation);
  client.setRequestHandler(ElicitRequestSchema, answer);
  await client.connect(new LegacyTransport(commandFor("desktop")));
  return client;
}

const clients = [
  ["@modelcontextprotocol/client in the modern era", () => modern("auto")],
  ["@modelcontextprotocol/client in the legacy era", () => modern("legacy")],
  ["@modelcontextprotocol/sdk", legacy],
] as const;

function serves(): void {
  test.each(clients)(
    "%s lists, calls, hears progress and answers what it is asked",
    async (_, connect) => {
      const client = await connect();
      const names = (await client.listTools()).tools.map((tool) => tool.name);
      expect(names).toContain("everything__echo");
      const echo = await client.callTool({
        name: "everything__echo",
        arguments: { message: "hi" },
      });
      expect(echo.content).toEqual([{ type: "text", text: "Echo: hi" }]);
      const progress: number[] = [];
      const call = client.callTool.bind(client) as (
        params: object,
        ...rest: unknown[]
      ) => Promise<unknown>;
      const params = {
        name: "everything__trigger-long-running-operation",
        arguments: { duration: 1, steps: 4 },
      };
      const options = { onprogress: (each: { progress: number }) => progress.push(each.progress) };
      await (client instanceof LegacyClient
        ? call(params, undefined, options)
        : call(params, options));
      expect(progress.slice(0, 3)).toEqual([1, 2, 3]);
      const asked = await client.callTool({
        name: "everything__trigger-elicitation-request",
        arguments: {},
      });
      expect(JSON.stringify(asked.content)).toContain("Ada");
      const [first] = (await client.listResources()).resources;
      expect((await client.readResource({ uri: first?.uri ?? "" })).contents).toHaveLength(1);
      await client.close();
    },
  );
}

async function records(name = "audit.jsonl"): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(folder, name), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("without a gateway that runs", () => {
  serves();

  test("it opens no port, records as its client, and ends when its input does", async () => {
    const program = start(
      "stdio",
      "--client",
      "local",
      "--upstream",
      "everything",
      "--config",
      file,
    );
    program.child.stdin?.end(
      '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}\n',
    );
    let stdout = "";
    program.child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    expect(await program.exited).toBe(0);
    const [line, ...rest] = stdout.trimEnd().split("\n");
    expect(rest).toEqual([]);
    expect(JSON.stringify(JSON.parse(line ?? ""))).toContain('"name":"echo"');
    const last = await records();
    expect(last.at(-2)).toMatchObject({ client: "local", method: "tools/list" });
    expect(last.at(-1)).toMatchObject({ kind: "stop" });
    expect(await readdir(folder)).not.toContain(".mcp-gw");
  });

  test("it says what is wrong with its words", async () => {
    for (const [words, said] of [
      [[], "--client is missing"],
      [["--client", "destop"], 'There is no client "destop" (did you mean "desktop"?)'],
      [["--client", "desktop", "--upstream", "x"], 'There is no upstream "x"'],
    ] as const) {
      const program = start("stdio", ...words, "--config", file);
      expect(await program.exited).toBe(2);
      expect(program.output()).toContain(said);
    }
  });
});

describe("with a gateway that runs", () => {
  let gateway: Program;
  beforeAll(async () => {
    gateway = start("start", "--config", file);
    await gateway.says("Listening on");
  });
  afterAll(async () => {
    gateway.child.kill("SIGTERM");
    await gateway.exited;
  });

  serves();

  test("its run file can be read by its owner alone, and holds tokens of stdio clients only", async () => {
    const run = join(folder, ".mcp-gw", "run.json");
    expect((await stat(run)).mode & 0o777).toBe(0o600);
    const found = JSON.parse(await readFile(run, "utf8")) as { clients: object; pid: number };
    expect(Object.keys(found.clients)).toEqual(["desktop"]);
    expect(found.pid).toBe(gateway.child.pid);
  });

  test("it relays, and nothing is recorded elsewhere", async () => {
    const program = start("stdio", "--client", "local", "--config", file);
    await program.says("Relaying");
    program.child.stdin?.end();
    expect(await program.exited).toBe(0);
    expect((await readdir(folder)).filter((name) => name.startsWith("audit-stdio"))).toEqual([]);
  });

  test("a client whose token the config does not hold needs it from the environment", async () => {
    const program = start("stdio", "--client", "hashed", "--config", file);
    expect(await program.exited).toBe(1);
    expect(program.output()).toContain("MCP_GW_TOKEN");
  });

  test("a second gateway on the same record does not start, and names the first", async () => {
    const other = start("start", "--config", file);
    expect(await other.exited).toBe(1);
    expect(other.output()).toContain(`process ${gateway.child.pid} does (stop that one`);
    const seqs = (await records()).map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs.keys()].map((at) => at + 1));
  });

  test("one that cannot relay keeps a record of its own, and says so", async () => {
    const { folder: elsewhere, file: copy } = await folderWith({
      ...config,
      audit: { file: join(folder, "audit.jsonl") },
    });
    const program = start("stdio", "--client", "desktop", "--config", copy);
    const name = `audit-stdio-${program.child.pid}.jsonl`;
    await program.says(`this gateway records in ${join(folder, name)}`);
    program.child.stdin?.end();
    expect(await program.exited).toBe(0);
    expect((await records(name)).map(({ kind }) => kind)).toEqual(["start", "stop"]);
    await rm(elsewhere, { recursive: true });
  });

  test("a gateway that ends takes its run file and its lock with it", async () => {
    gateway.child.kill("SIGTERM");
    if (gateway.child.exitCode === null) await once(gateway.child, "close");
    expect(await readdir(join(folder, ".mcp-gw"))).toEqual([]);
    expect(await readdir(folder)).not.toContain("audit.jsonl.lock");
  });
});
