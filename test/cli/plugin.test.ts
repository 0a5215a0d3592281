/** `mcp-gw plugin new|check|run|test`, in a folder of an author's own. */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "../../src/cli/index.ts";
import { type Output } from "../../src/cli/output.ts";
import { checkPluginFile } from "../../src/cli/plugin-check.ts";
import { newPlugin } from "../../src/cli/plugin-new.ts";
import { runPlugin } from "../../src/cli/plugin-run.ts";
import type { RunPluginOptions } from "../../src/cli/plugin-run-words.ts";
import { testPlugins } from "../../src/cli/plugin-test.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { hooks } from "../../src/sandbox/index.ts";
import { createLines } from "../sandbox/pool/harness.ts";

const ground = await openRuntime();
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcp-gw-plugin-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

type Command<Options> = (
  options: Options,
  runtime: typeof ground,
  output: Output,
) => Promise<number>;

async function run<Options>(command: Command<Options>, options: Options, input = "") {
  const out: string[] = [];
  const err: string[] = [];
  const stdin = async function* () {
    yield new TextEncoder().encode(input);
  };
  const runtime = { ...ground, log: createLines().log, cwd: () => folder, stdin };
  const code = await command(options, runtime, {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}
const runOptions: RunPluginOptions = {
  file: "plugins/a.ts",
  hook: "onToolCall",
  input: "-",
  kv: false,
  clients: [],
  json: true,
};
const linesOf = (out: string): readonly Record<string, unknown>[] =>
  out.split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);

const pluginOf = (
  body: string,
): string => `import { allow, definePlugin, deny } from "mcp-gw/plugin";
export default definePlugin({ name: "a", version: "1.0.0", ${body} });
`;

test("new writes a plugin with every hook that checks, passes its fixtures and stands hostile inputs", async () => {
  const made = await run(newPlugin, { name: "all", hooks: [...hooks], json: false });
  expect(made).toMatchObject({ code: 0, err: "" });
  expect(made.out).toContain('plugins: [{ use: "./plugins/all.ts", mode: "shadow" }],');
  const checked = await run(checkPluginFile, { file: "plugins/all.ts", json: true });
  expect(checked).toMatchObject({ code: 0, err: "" });
  expect(JSON.parse(checked.out)).toMatchObject({ ok: true, name: "all", types: "good", hooks });
  expect(await readdir(join(folder, ".mcp-gw"))).toEqual([]);
  const tested = await run(testPlugins, { files: [], hostile: true, json: true });
  const said = JSON.parse(tested.out) as { plugins: { hostile: { failures: unknown[] }[] }[] };
  expect(said.plugins[0]?.hostile.flatMap(({ failures }) => failures)).toEqual([]);
  expect(tested.code).toBe(0);
}, 120_000);

test("new never overwrites, and writes nothing where one of the two files is there", async () => {
  await write({ "plugins/a.test.json": "mine" });
  const { code, err } = await run(newPlugin, { name: "a", hooks: [], json: false });
  expect(code).toBe(1);
  expect(err).toBe('"plugins/a.test.json" is there already, and nothing is written');
  expect(await readdir(join(folder, "plugins"))).toEqual(["a.test.json"]);
  expect(await readFile(join(folder, "plugins/a.test.json"), "utf8")).toBe("mine");
});

test("new refuses a name that is a path, and a hook that there is not", async () => {
  expect((await run(newPlugin, { name: "../a", hooks: [], json: false })).code).toBe(2);
  const { code, err } = await run(newPlugin, { name: "a", hooks: ["onTolCall"], json: false });
  expect(code).toBe(2);
  expect(err).toBe('There is no hook "onTolCall" (did you mean "onToolCall"?)');
});

test("check says what a plugin asks for, and its hash for the pin", async () => {
  const text = pluginOf(
    'permissions: { kv: "shared", fetch: ["https://a.example"] }, onToolCall: () => allow(),',
  );
  await write({ "plugins/a.ts": text });
  const { code, out } = await run(checkPluginFile, { file: "plugins/a.ts", json: false });
  expect(code).toBe(0);
  expect(out).toContain('asks for  kv: "shared", fetch: "https://a.example"');
  expect(out).toContain(`sha256    ${ground.crypto.sha256(text)}`);
});

test("check finds what a plugin takes for given and the sandbox does not have", async () => {
  const body =
    "onToolCall(call) {\n  setTimeout(() => {}, 1);\n  return call.nam === 1 ? deny('x') : allow();\n}";
  await write({ "plugins/a.ts": pluginOf(body) });
  const { code, out, err } = await run(checkPluginFile, { file: "plugins/a.ts", json: false });
  expect(code).toBe(1);
  expect(out).toContain("types     wrong");
  const lines = err.split("\n").map((line) => /^plugins\/a\.ts:(\d): error: TS/.exec(line)?.[1]);
  expect(lines).toEqual(["3", "4"]);
});

test.each([
  [
    "a syntax error",
    "export default {\n  name: ;",
    "plugins/a.ts:2: error: Is not valid TypeScript",
  ],
  ["no default export", "export const a = 1;", "Has no default export"],
  [
    "an import from outside",
    'import "../x.ts";\nexport default {};',
    "outside of the plugin's folder",
  ],
  [
    "an origin with a path",
    pluginOf('permissions: { fetch: ["https://a.example/x"] }, onToolCall: () => allow(),'),
    "which is no origin",
  ],
])("check and run refuse %s with its place", async (_, text, told) => {
  await write({ "plugins/a.ts": text });
  const checked = await run(checkPluginFile, { file: "plugins/a.ts", json: false });
  expect(checked).toMatchObject({ code: 1, out: "" });
  expect(checked.err).toContain(told);
  const ran = await run(runPlugin, runOptions, "{}");
  expect(ran.code).toBe(1);
  expect(ran.err).toContain(told);
  expect(linesOf(ran.out)).toMatchObject([{ outcome: "load_error" }]);
});

const counting = pluginOf(`permissions: { kv: "client" },
  async onToolCall(call, ctx) {
    const n = await ctx.kv.incr("n");
    if (n > 2) throw new Error("third");
    return n > 1 ? deny("twice", "rate_limit") : allow({ note: ctx.client.id });
  },`);

test("run prints a line for each call, with a kv that lives over them and clients that do not share it", async () => {
  await write({ "plugins/a.ts": counting });
  const options = { ...runOptions, kv: true, calls: "5", clients: ["x", "y"] };
  const { code, out } = await run(runPlugin, options, '{"name":"t"}');
  expect(code).toBe(1);
  const lines = linesOf(out);
  expect(lines.map(({ outcome }) => outcome)).toEqual(["allow", "allow", "deny", "deny", "threw"]);
  expect(lines[1]).toMatchObject({ action: "allow", note: "y" });
  expect(lines[2]).toMatchObject({ action: "deny", reason: "twice", code: "rate_limit" });
  expect(lines[4]).not.toHaveProperty("action");
  for (const { ms, fuel } of lines) expect([typeof ms, typeof fuel]).toEqual(["number", "number"]);
});

test("run grants nothing that was not asked for by option", async () => {
  await write({ "plugins/a.ts": counting });
  const { out } = await run(runPlugin, runOptions, "{}");
  expect(linesOf(out)).toMatchObject([
    { outcome: "threw", why: expect.stringMatching(/kv is not granted/) },
  ]);
});

test("run takes plain text for onText, and gives spans as plugins write them", async () => {
  await run(newPlugin, { name: "a", hooks: ["onText"], json: false });
  const options = { ...runOptions, hook: "onText" };
  const { code, out, err } = await run(runPlugin, options, "AKIAIOSFODNN7EXAMPLE");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(linesOf(out)).toMatchObject([{ outcome: "redact", spans: [[0, 20, "[aws-key]"]] }]);
});

test.each([
  [{ hook: undefined }, "--hook HOOK is missing"],
  [{ hook: "onTolCall" }, 'There is no hook "onTolCall" (did you mean "onToolCall"?)'],
  [{ input: undefined }, "--input FILE is missing (- reads standard input)"],
  [{ input: "none.json" }, '"none.json" is not there, or cannot be read'],
  [{ calls: "0" }, "--calls must be a whole number from 1 to 100000"],
  [{ config: "{" }, "--config must be JSON"],
  [{ file: "plugins/b.ts" }, 'There is no file "plugins/b.ts"'],
  [{ file: "a.txt" }, '"a.txt" does not end in .ts, .mts, .js or .mjs'],
  [{}, "Standard input is no JSON, as onToolCall gets it"],
] as const)("run is told what is wrong with its words: %j", async (change, told) => {
  await write({ "plugins/a.ts": counting });
  const { code, out, err } = await run(runPlugin, { ...runOptions, ...change }, "{");
  expect({ code, out, err }).toEqual({ code: 2, out: "", err: told });
});

test("test takes fixtures in TypeScript too, says what differs, and fails", async () => {
  const fixture = { name: "t", hook: "onToolCall", input: {}, expect: { action: "deny" } };
  await write({
    "plugins/a.ts": pluginOf("onToolCall: () => allow(),"),
    "plugins/a.test.ts": `const all: object[] = [${JSON.stringify(fixture)}];\nexport default all;`,
    "plugins/helper.ts": "export const a = 1;",
  });
  const { code, out } = await run(testPlugins, { files: [], hostile: false, json: false });
  expect(code).toBe(1);
  expect(out).toContain("Expected deny, is allow");
  expect(out).toContain("0 of 1 fixtures of 1 plugin passed");
  const named = { files: ["plugins/a.test.ts"], hostile: false, json: true };
  expect(JSON.parse((await run(testPlugins, named)).out)).toMatchObject({ ok: false });
});

test("test is told what is wrong with its files", async () => {
  await write({ "plugins/a.ts": pluginOf("onToolCall: () => allow(),") });
  const test = (...files: readonly string[]) =>
    run(testPlugins, { files, hostile: false, json: false });
  expect(await test()).toMatchObject({ code: 2, err: expect.stringContaining("has fixtures") });
  expect(await test("plugins/a.ts")).toMatchObject({ code: 2 });
  expect(await test("plugins/b.ts")).toMatchObject({ code: 2 });
  await write({ "plugins/a.test.json": '[\n{"name":"x"}]' });
  const { code, err } = await test("plugins/a.ts");
  expect(code).toBe(2);
  expect(err).toContain('plugins/a.test.json:2: error: [0]: "hook" is missing');
});

test("plugin has four commands, and each wants its words", async () => {
  expect(await runCli(["plugin"])).toBe(2);
  expect(await runCli(["plugin", "new"])).toBe(2);
  expect(await runCli(["plugin", "check", "a.ts", "b.ts"])).toBe(2);
  expect(await runCli(["plugin", "run", "a.ts", "--hok", "onText"])).toBe(2);
  expect(await runCli(["plugin", "test", "--help"])).toBe(0);
});
