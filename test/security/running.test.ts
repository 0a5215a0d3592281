/** A gateway as a process, and what others on its machine do to its own files and with its own token. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Program, folderWith, start } from "../cli/processes.ts";
import { type EchoServer, startEchoServer } from "../e2e/echo-server.ts";
import { modernRequest, post, tokenA } from "../e2e/gateway.ts";
import { eventually } from "../stores/eventually.ts";

interface RunFile {
  readonly url: string;
  readonly admin: { readonly url: string; readonly token: string };
}
interface Running {
  readonly folder: string;
  readonly program: Program;
  readonly run: RunFile;
}

const opened: {
  readonly folder: string;
  readonly program: Program;
  readonly server: EchoServer;
}[] = [];
afterEach(async () => {
  for (const { folder, program, server } of opened.splice(0)) {
    program.child.kill("SIGKILL");
    await program.exited;
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
});

async function open(says: () => string = () => "ok"): Promise<Running> {
  const content = () => JSON.stringify([{ type: "text", text: says() }]);
  const server = await startEchoServer({
    result: () => `{"content":${content()},"resultType":"complete"}`,
  });
  const tokenSha256 = createHash("sha256").update(tokenA).digest("hex");
  const { folder, file } = await folderWith({
    listen: { port: 0 },
    admin: { port: 0 },
    upstreams: { x: { url: server.url } },
    clients: { a: { auth: { tokenSha256 }, allow: { tools: ["*"] } } },
    sanitize: { secrets: "off" },
  });
  const program = start("start", "--config", file);
  opened.push({ folder, program, server });
  await program.says("Operators on");
  const run = JSON.parse(await readFile(join(folder, ".mcp-gw/run.json"), "utf8")) as RunFile;
  return { folder, program, run };
}

async function addBlock({ admin }: RunFile): Promise<number> {
  const response = await fetch(new URL("/blocks", admin.url), {
    method: "POST",
    headers: { authorization: `Bearer ${admin.token}`, "content-type": "application/json" },
    body: '{"client":"b","why":"an incident"}',
    signal: AbortSignal.timeout(5_000),
  });
  await response.body?.cancel();
  return response.status;
}

test("the token of this start is withheld from clients, though secrets are not looked for", async () => {
  let token = "";
  const { run } = await open(() => `run.json says "${token}", in base64 ${btoa(`token ${token}`)}`);
  token = run.admin.token;
  const called = modernRequest("tools/call", { name: "x__echo", arguments: {} });
  const { text, status } = await post(`${run.url}/mcp`, called);
  expect([status, text.includes("run.json says")]).toEqual([200, true]);
  expect(text).not.toContain(token);
  expect(text).not.toContain(btoa(`token ${token}`));
});

test.runIf(process.platform !== "win32")(
  "a pipe or a huge file in the place of the blocks is not waited for, and both can be put right",
  async () => {
    const { folder, program, run } = await open();
    const file = join(folder, ".mcp-gw/blocks.json");
    expect(await addBlock(run)).toBe(201);
    await rm(file);
    execFileSync("mkfifo", [file]);
    await eventually(() => program.output().includes("is no file"));
    expect(await addBlock(run)).toBe(503);
    await rm(file);
    await eventually(async () => (await stat(file).catch(() => undefined))?.isFile() === true);
    await truncate(file, 4 * 1024 ** 3);
    await eventually(() => program.output().includes("bytes"));
    expect(await addBlock(run)).toBe(503);
    await rm(file);
    await eventually(async () => (await stat(file).catch(() => undefined))?.isFile() === true);
    expect(await addBlock(run)).toBe(201);
    execFileSync("mkfifo", [`${file}.pipe`]);
    execFileSync("mv", [`${file}.pipe`, file]);
    program.signal("SIGTERM");
    expect(await program.exited).toBe(0);
  },
);
