/** The commands about policy as processes, beside a gateway that runs on the same config. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startHttpRecorder } from "../e2e/recording-server.ts";
import { type Program, folderWith, start } from "./processes.ts";
import { makeLines } from "./recordings.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const config = {
  listen: { port: 0 },
  admin: { port: 0 },
  upstreams: { pay: { url: "http://127.0.0.1:9/mcp" } },
  clients: { web: { auth: "stdio", allow: { tools: ["pay/send"] } } },
};

async function folderOf(made: object): Promise<{ folder: string; file: string }> {
  const found = await folderWith(made);
  ends.push(() => rm(found.folder, { recursive: true, force: true }));
  return found;
}

async function ended(...words: readonly string[]): Promise<readonly [number | null, string]> {
  const program: Program = start(...words);
  return [await program.exited, program.output()];
}

test("explain counts the blocks of the gateway that runs on the config", async () => {
  const { file } = await folderOf(config);
  const gateway = start("start", "--config", file);
  ends.push(() => {
    gateway.signal("SIGTERM");
    return gateway.exited;
  });
  await gateway.says("http://127.0.0.1");
  const asked = ["explain", "--client", "web", "--call", "pay/send", "--config", file];
  const [before, free] = await ended(...asked);
  expect(free).not.toContain("No gateway that runs here");
  expect(before).toBe(0);
  const set = await ended("block", "pay/*", "--why", "Odd refunds", "--config", file);
  expect(set[0]).toBe(0);
  const [after, told] = await ended(...asked);
  expect(after).toBe(1);
  expect(told).toContain("denied: tool pay/send for client web");
  expect(told).toContain(": Odd refunds");
  expect(told).toContain("  block  ");
}, 60_000);

test("diff, test and access take the words that they are typed with", async () => {
  const { folder, file } = await folderOf(config);
  const wider = { ...config, clients: { web: { auth: "stdio", allow: { tools: ["pay/*"] } } } };
  const other = join(folder, "wider.json");
  await writeFile(other, JSON.stringify(wider));
  expect(await ended("diff", file, other, "--no-new-grants")).toEqual([
    1,
    expect.stringContaining("pay/*"),
  ]);
  expect((await ended("diff", file, other))[0]).toBe(0);
  expect((await ended("diff", other, file, "--no-new-grants"))[0]).toBe(0);
  expect((await ended("diff", file))[0]).toBe(2);
  const cases = [join(folder, "a.json"), join(folder, "b.json")];
  const one = { client: "web", call: "pay/send", expect: "allowed" };
  for (const each of cases) await writeFile(each, JSON.stringify([one]));
  const [code, out] = await ended("test", ...cases, "--config", file);
  expect([code, out]).toEqual([0, expect.stringContaining("2 of 2 cases passed")]);
  expect(await ended("access", "--client", "web", "--config", file)).toEqual([
    0,
    expect.stringContaining("tool      pay/send  by pay/send"),
  ]);
}, 60_000);

test("lock, types, replay, suggest and approvals do so too", async () => {
  const tools = ['{"name":"get","inputSchema":{"type":"object"}}'];
  const prompts = ['{"name":"greet"}'];
  const answer = () => ({ end: '"result":{}' });
  const server = await startHttpRecorder({ era: "modern", answer, lists: { tools, prompts } });
  ends.push(server.close);
  const { folder, file } = await folderOf({
    ...config,
    upstreams: { x: { url: server.url } },
    clients: { a: { auth: "stdio", allow: { tools: ["x/*"] } } },
  });
  const on = ["--config", file];
  const says = (text: string): unknown => expect.stringContaining(text);
  expect(await ended("lock", ...on)).toEqual([0, says("Wrote 1 tool to")]);
  expect(await ended("types", ...on)).toEqual([0, says("gateway.types.d.ts")]);
  expect(await readFile(join(folder, "gateway.types.d.ts"), "utf8")).toContain('"greet": {');
  const record = join(folder, "audit.jsonl");
  await writeFile(record, ["damaged", ...(await makeLines([{}, { client: "b" }]))].join("\n"));
  const [changed, told] = await ended("replay", record, "--limit", "1", ...on);
  expect([changed, told]).toEqual([
    1,
    says("2 exchanges decided again: 1 the same, 1 would change"),
  ]);
  expect(told).toContain(`1 damaged line passed over: ${record}:1`);
  expect(await ended("suggest", record, ...on)).toEqual([0, says('"x/get",')]);
  expect(await ended("approvals", "ls", ...on)).toEqual([1, says("No gateway runs on")]);
}, 120_000);
