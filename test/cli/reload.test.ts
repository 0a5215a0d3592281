/** Reloads of real processes: by a signal, by a command, by files that change. */
import { mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type EchoServer, anyTool, startEchoServer } from "../e2e/echo-server.ts";
import { modernRequest, post, tokenA, tokenB } from "../e2e/gateway.ts";
import { eventually } from "../stores/eventually.ts";
import { type Program, folderWith, start } from "./processes.ts";

let server: EchoServer;
let folder = "";
const programs: Program[] = [];

beforeAll(async () => {
  server = await startEchoServer({ tools: () => [anyTool("one"), anyTool("two")] });
});
afterEach(async () => {
  for (const { child, exited } of programs.splice(0)) {
    child.kill("SIGKILL");
    await exited;
  }
  await rm(folder, { recursive: true, force: true });
});
afterAll(() => server.close());

interface Running {
  readonly program: Program;
  readonly file: string;
  readonly call: (tool: string, token: string) => Promise<string>;
}
const plenty = { burst: 1_000, perSecond: 1_000 };
const withTools = (tools: string[], auth: object = { token: { secret: "TOKEN_A" } }): object => ({
  listen: { port: 0 },
  upstreams: { x: { url: server.url } },
  clients: { a: { auth, allow: { tools: tools.map((tool) => `x/${tool}`) }, rate: plenty } },
});

/** `files` are written before it starts; the config is one of them where it is no JSON. */
async function run(
  config: object,
  { flags = [], name = "gateway.config.json" }: { flags?: string[]; name?: string } = {},
  prepare: () => Promise<void> = async () => undefined,
): Promise<Running> {
  const made = await folderWith(config);
  folder = made.folder;
  await writeFile(join(folder, ".env"), `TOKEN_A=${tokenA}\nTOKEN_B=${tokenB}\n`);
  await prepare();
  const file = join(folder, name);
  const program = start("start", "--config", file, ...flags);
  programs.push(program);
  await program.says("Listening on ");
  const url = /Listening on (\S+)/.exec(program.output())?.[1] ?? "";
  return {
    program,
    file,
    call: async (tool, token) => {
      const request = modernRequest("tools/call", { name: `x__${tool}`, arguments: {} });
      const answer = (await post(url, request, token)).json();
      return answer.error?.data.code ?? answer.code ?? "ok";
    },
  };
}

/** Not found out by calls: those with a wrong token are counted. */
async function reloaded(program: Program, times: number): Promise<void> {
  const count = (): number => program.output().split("The config was reloaded").length - 1;
  await eventually(() => count() >= times, 15_000);
}
const at = (name: string): string => join(folder, name);
const digest = async (): Promise<unknown> =>
  (JSON.parse(await readFile(at(".mcp-gw/run.json"), "utf8")) as { digest: string }).digest;
async function reload(file: string): Promise<{ code: number | null; output: string }> {
  const program = start("reload", "--config", file);
  programs.push(program);
  const code = await program.exited;
  return { code, output: program.output() };
}

test("SIGHUP and `mcp-gw reload` take up the config, and say what is wrong with it", async () => {
  const { program, file, call } = await run(withTools(["one"]));
  const first = await digest();
  await writeFile(file, JSON.stringify(withTools(["two"])));
  program.signal("SIGHUP");
  await eventually(async () => (await call("two", tokenA)) === "ok");
  expect(await call("one", tokenA)).toBe("TARGET_UNKNOWN");
  await eventually(async () => (await digest()) !== first);

  await writeFile(file, JSON.stringify({ ...withTools(["one"]), cleints: {}, rulez: [] }));
  const refused = await reload(file);
  expect(refused.code).toBe(1);
  for (const said of ["cleints", "rulez", "refused"]) expect(refused.output).toContain(said);
  program.signal("SIGHUP");
  await program.says("is refused");
  expect(await call("two", tokenA)).toBe("ok");

  await writeFile(file, JSON.stringify(withTools(["one", "two"])));
  const taken = await reload(file);
  expect([taken.code, taken.output]).toEqual([0, expect.stringContaining("The new config runs")]);
  expect(await call("one", tokenA)).toBe("ok");
  const again = await reload(file);
  expect([again.code, again.output]).toEqual([0, expect.stringContaining("runs already")]);
  expect(again.output).toContain(String(await digest()).slice(0, 12));
}, 30_000);

test("--watch takes up the config and what it imports, also behind one that was broken", async () => {
  const source = (tools: string) =>
    `import { auth } from "./part.ts"; export default { ...${JSON.stringify(withTools([]))}, clients: { a: { auth, allow: { tools: ${tools} } } } };`;
  const part = (name: string) => `export const auth = { token: { secret: "${name}" } };`;
  const name = "gateway.config.ts";
  const { program, file, call } = await run(
    withTools([]),
    { flags: ["--watch"], name },
    async () => {
      await writeFile(at("part.ts"), part("TOKEN_A"));
      await writeFile(at(name), source('["x/one"]'));
    },
  );
  expect(await call("one", tokenA)).toBe("ok");
  await writeFile(at("part.ts"), part("TOKEN_B"));
  await reloaded(program, 1);
  expect(await call("one", tokenB)).toBe("ok");
  await writeFile(file, "export default {");
  await program.says("is refused");
  expect(await call("one", tokenB)).toBe("ok");
  await writeFile(file, source('["x/two"]'));
  await reloaded(program, 2);
  expect(await call("two", tokenB)).toBe("ok");
}, 40_000);

test("a secret is taken up as Kubernetes renews it, also behind a config that was broken", async () => {
  const put = async (version: string, token: string): Promise<void> => {
    await mkdir(at(`secrets/${version}`), { recursive: true });
    await writeFile(at(`secrets/${version}/token`), token);
    await symlink(version, at("secrets/..data_tmp"));
    await rename(at("secrets/..data_tmp"), at("secrets/..data"));
  };
  const { program, file, call } = await run(
    withTools(["one"], { token: { secret: { file: "secrets/token" } } }),
    {},
    async () => {
      await put("..1", tokenA);
      await symlink("..data/token", at("secrets/token"));
    },
  );
  expect(await call("one", tokenA)).toBe("ok");
  await put("..2", tokenB);
  await reloaded(program, 1);
  expect([await call("one", tokenB), await call("one", tokenA)]).toEqual(["ok", "TOKEN_INVALID"]);

  const good = await readFile(file, "utf8");
  await writeFile(file, "{");
  await put("..3", `${tokenA}-3`);
  await program.says("is refused");
  expect(await call("one", tokenB)).toBe("ok");
  await writeFile(file, good);
  await put("..4", `${tokenA}-4`);
  await reloaded(program, 2);
  expect(await call("one", `${tokenA}-4`)).toBe("ok");
}, 40_000);

test("a reload that is at work when the gateway ends leaves no word of it behind", async () => {
  // As soon as there is the file, it takes its time.
  const command = ["sh", "-c", 'test -e "$0" && echo "$$" > "$0" && sleep 0.7; echo "$1"'];
  const config = (slow: string, tools: string[]): object => ({
    ...withTools(tools, { token: { secret: { command: [...command, slow, tokenA] } } }),
    drain: { graceMs: 1_500 },
  });
  const { program, file } = await run(config("none", ["one"]));
  const slow = at("slow");
  await writeFile(slow, "");
  await writeFile(file, JSON.stringify(config(slow, ["two"])));
  program.signal("SIGHUP");
  await eventually(async () => (await readFile(slow, "utf8")) !== "");
  program.signal("SIGTERM");
  expect(await program.exited).toBe(0);
  expect(program.output()).toContain("The config was reloaded");
  await expect(stat(at(".mcp-gw/run.json"))).rejects.toThrow("ENOENT");
}, 30_000);
