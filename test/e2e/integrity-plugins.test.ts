import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { check } from "../../src/cli/check.ts";
import { lockTools } from "../../src/cli/lock.ts";
import { lockFaults } from "../../src/cli/lock-faults.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { toLockText } from "../../src/upstreams/index.ts";
import { type EchoServer, startEchoServer } from "./echo-server.ts";
import { modernRequest, post } from "./gateway.ts";
import { type Reloading, a, runReloading } from "./reloading.ts";

const lockName = "gateway.lock.json";
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Denies each call with this reason: what the caller hears says which file runs. */
const pluginText = (reason: string): string => `
import { definePlugin, deny } from "mcp-gw/plugin";
export default definePlugin({
  name: "guard", version: "1.0.0",
  onToolCall() { return deny(${JSON.stringify(reason)}); },
});
`;
const use = "./guard.ts";
const plugins = [{ use }];

let upstream: EchoServer;
const configOf = (more: object = {}): object => ({
  upstreams: { x: { url: upstream.url } },
  clients: { a },
  plugins,
  ...more,
});
async function run(files: Record<string, string>, more: object = {}): Promise<Reloading> {
  upstream = await startEchoServer();
  ends.push(upstream.close);
  const gateway = await runReloading(configOf(more), { files });
  ends.push(gateway.close);
  return gateway;
}
async function said(gateway: Reloading): Promise<string | undefined> {
  const request = modernRequest("tools/call", { name: "echo", arguments: {} });
  const answer = await post(`${gateway.url}/mcp/x`, request);
  return answer.json().result?.content?.[0]?.text;
}
const lockText = (gateway: Reloading): Promise<string> =>
  readFile(join(gateway.folder, lockName), "utf8");
const writePlugin = (gateway: Reloading, reason: string): Promise<void> =>
  writeFile(join(gateway.folder, use), pluginText(reason));
const stateOf = (gateway: Reloading) => gateway.state().plugins.map((plugin) => plugin.lock);
const recordsOf = async (gateway: Reloading) =>
  (await gateway.records())
    .filter(({ kind, target }) => kind === "lock" && target === use)
    .map(({ method }) => method);

async function command(
  run: (
    runtime: Awaited<ReturnType<typeof openRuntime>>,
    print: (text: string) => void,
  ) => Promise<number>,
  { folder, env }: Reloading,
) {
  const out: string[] = [];
  const own = await openRuntime();
  const runtime = { ...own, cwd: () => folder, env: { ...own.env, ...env } };
  const code = await run(runtime, (text) => void out.push(text));
  return { code, out: out.join("\n") };
}
const lock = (gateway: Reloading, more: object = {}) =>
  command(
    (runtime, print) =>
      lockTools({ check: false, json: false, ...more }, runtime, { out: print, err: print }),
    gateway,
  );
const checked = (gateway: Reloading) =>
  command(
    (runtime, print) => check({ json: false, strict: false }, runtime, { out: print, err: print }),
    gateway,
  );
/** What `check` says of the lock. */
async function lockFaultsOf(gateway: Reloading): Promise<readonly string[]> {
  const config = gateway.started.instance.config();
  const faults = await lockFaults({ config, folder: gateway.folder }, await openRuntime());
  return faults.map(({ level, message }) => `${level} ${message}`);
}
const hashOf = (reason: string): string =>
  createHash("sha256").update(pluginText(reason)).digest("hex");
const lockOf = (reason: string): string =>
  toLockText({ lock: new Map(), plugins: new Map([[use, hashOf(reason)]]) });
/** Which file runs. */
const runningOf = (gateway: Reloading) => gateway.state().plugins.map(({ sha256 }) => sha256);

describe("pinned", () => {
  test("a plugin is locked at the first start", async () => {
    const gateway = await run({ [use]: pluginText("one") });
    expect(await lockText(gateway)).toBe(lockOf("one"));
    expect(stateOf(gateway)).toEqual(["locked"]);
    expect(await recordsOf(gateway)).toEqual(["seen"]);
    expect(await lockFaultsOf(gateway)).toEqual([]);
    expect(await said(gateway)).toContain("one");
    expect(await lockText(gateway)).toContain(hashOf("one"));
  });

  test("a plugin that changed between two starts runs and is told of, until it is accepted", async () => {
    const files = { [lockName]: lockOf("one"), [use]: pluginText("two") };
    const gateway = await run(files);
    expect(await lockText(gateway)).toBe(files[lockName]);
    expect(runningOf(gateway)).toEqual([hashOf("two")]);
    expect(stateOf(gateway)).toEqual(["changed"]);
    expect(await recordsOf(gateway)).toEqual(["changed"]);
    const told = gateway.logged.filter((line) => line.includes("A plugin is not as it is locked"));
    expect(told).toHaveLength(1);
    expect((await lockFaultsOf(gateway)).join()).toMatch(
      /^warning "\.\/guard\.ts" is not the one that is locked/,
    );

    expect(await lock(gateway, { plugins: true, check: true })).toMatchObject({ code: 1 });
    const accepted = await lock(gateway, { plugins: true });
    expect(accepted.code).toBe(0);
    expect(accepted.out).toContain(`changed  ${use}`);
    expect(await lockText(gateway)).toBe(lockOf("two"));
    await vi.waitFor(() => expect(stateOf(gateway)).toEqual(["locked"]), { timeout: 5_000 });
    expect(await recordsOf(gateway)).toEqual(["changed", "released"]);
    expect(await lock(gateway, { plugins: true, check: true })).toMatchObject({ code: 0 });
    expect(await lockFaultsOf(gateway)).toEqual([]);
  });

  test("a plugin that changes is taken up by a reload, whose outcome says so", async () => {
    const gateway = await run({ [use]: pluginText("one") });
    await writePlugin(gateway, "two");
    const outcome = await gateway.reload();
    expect(outcome.result).toBe("reloaded");
    expect(outcome.faults.join()).toMatch(/plugins\[0\]\.use: "\.\/guard\.ts" is not the one/);
    expect(await said(gateway)).toContain("two");
    expect(stateOf(gateway)).toEqual(["changed"]);
    expect(await recordsOf(gateway)).toEqual(["seen", "changed"]);
    await writePlugin(gateway, "one");
    expect(await gateway.reload()).toMatchObject({ result: "reloaded", faults: [] });
    expect(await recordsOf(gateway)).toEqual(["seen", "changed", "released"]);
  });
});

describe("frozen", () => {
  test("a plugin that is new keeps a gateway from starting, also beside a lock without plugins", async () => {
    const frozen = { integrity: "frozen" };
    const older = '{"lockVersion":1,"upstreams":{}}';
    for (const files of [{}, { [lockName]: older }]) {
      await expect(run({ [use]: pluginText("one"), ...files }, frozen)).rejects.toThrow(
        /"\.\/guard\.ts" is not locked in ".*gateway\.lock\.json"/,
      );
    }
  });

  test("a plugin that changed between two starts keeps a gateway from starting until it is accepted", async () => {
    const files = { [lockName]: lockOf("one"), [use]: pluginText("two") };
    await expect(run(files, { integrity: "frozen" })).rejects.toThrow(
      /plugins\[0\]\.use: "\.\/guard\.ts" is not the one that is locked/,
    );
    const good = await run({ ...files, [use]: pluginText("one") }, { integrity: "frozen" });
    expect(runningOf(good)).toEqual([hashOf("one")]);
    expect(await lockText(good)).toBe(files[lockName]);
    expect(await recordsOf(good)).toEqual([]);
  });

  test("a plugin that changes is refused by a reload, and taken up once it is accepted", async () => {
    const files = { [lockName]: lockOf("one"), [use]: pluginText("one") };
    const gateway = await run(files, { integrity: "frozen" });
    // What `--watch` follows: accepting a plugin is a change too.
    expect(gateway.started.instance.pluginFiles).toContain(join(gateway.folder, lockName));
    await writePlugin(gateway, "two");
    const refused = await gateway.reload();
    expect(refused.result).toBe("refused");
    expect(refused.faults.join()).toMatch(/"\.\/guard\.ts" is not the one that is locked/);
    expect(runningOf(gateway)).toEqual([hashOf("one")]);
    const looked = await checked(gateway);
    expect(looked.code).toBe(1);
    expect(looked.out).toMatch(/error: integrity: "\.\/guard\.ts" is not .*mcp-gw lock --plugins/);

    expect(await lock(gateway, { plugins: true })).toMatchObject({ code: 0 });
    expect(await gateway.reload()).toMatchObject({ result: "reloaded", faults: [] });
    expect(runningOf(gateway)).toEqual([hashOf("two")]);
    expect(stateOf(gateway)).toEqual(["locked"]);
  });

  test("a plugin is refused by the reload that freezes a config on which it has changed", async () => {
    const files = { [lockName]: lockOf("one"), [use]: pluginText("two") };
    const gateway = await run(files);
    await gateway.write(configOf({ integrity: "frozen" }));
    expect(await gateway.reload()).toMatchObject({ result: "refused" });
    expect(runningOf(gateway)).toEqual([hashOf("two")]);
  });
});

describe("`mcp-gw lock`", () => {
  test("drops plugins that the config has no more, of which check says so", async () => {
    const gateway = await run({ [use]: pluginText("one") });
    await gateway.write(configOf({ plugins: [] }));
    expect((await checked(gateway)).out).toContain('There is no plugin "./guard.ts" in the config');
    const one = await lock(gateway, { upstream: "x" });
    expect(one).toMatchObject({ code: 0 });
    expect(await lockText(gateway)).toContain(use);
    const all = await lock(gateway);
    expect(all.out).toContain(`gone     ${use}`);
    const text = await lockText(gateway);
    expect(text).not.toContain("plugins");
    expect(Object.keys((JSON.parse(text) as { upstreams: object }).upstreams)).toEqual(["x"]);
  });

  test("keeps what is locked of a plugin that cannot be read, and exits with 1", async () => {
    const gateway = await run({ [use]: pluginText("one") });
    const before = await lockText(gateway);
    await gateway.write(configOf({ plugins: [{ use }, { use: "./other.ts" }] }));
    await writeFile(join(gateway.folder, use), "class {");
    const kept = await lock(gateway, { plugins: true });
    expect(kept.code).toBe(1);
    expect(kept.out).toContain(`unread   ${use}`);
    expect(kept.out).toContain("unread   ./other.ts: There is no such file");
    expect(await lockText(gateway)).toBe(before);
    const json = await lock(gateway, { plugins: true, json: true });
    expect(JSON.parse(json.out)).toMatchObject({ upstreams: {}, differs: false });
    expect(await lock(gateway, { plugins: true, upstream: "x" })).toMatchObject({ code: 2 });
  });
});
