/** `mcp-gw plugin run --record`: recorded questions become fixtures, or it is said what the record lacks. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runPlugin } from "../../src/cli/plugin-run.ts";
import type { RunPluginOptions } from "../../src/cli/plugin-run-words.ts";
import { rebuild } from "../../src/cli/plugin-rebuild.ts";
import { type Wanted, findExchange, findHit } from "../../src/cli/plugin-recorded.ts";
import { testPlugins } from "../../src/cli/plugin-test.ts";
import type { PluginHit } from "../../src/core/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { createLines } from "../sandbox/pool/harness.ts";
import { type Made, makeLines } from "./recordings.ts";

const ground = await openRuntime();
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcp-gw-record-"));
  await mkdir(join(folder, "plugins"));
  await put("plugins/a.ts", guard);
});
afterEach(() => rm(folder, { recursive: true }));

const put = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
const get = (name: string): Promise<string> => readFile(join(folder, name), "utf8");

const pluginOf = (body: string): string =>
  `import { allow, definePlugin, deny } from "mcp-gw/plugin";
export default definePlugin({ name: "a", version: "1.0.0", ${body} });
`;
const guard = pluginOf(`
  onToolCall: (call, ctx) => call.arguments?.path === "/etc"
    ? deny(ctx.client.id + " may not, at " + ctx.now + " " + ctx.tool?.name + " of " + ctx.upstream.name)
    : allow()`);

async function run(command: typeof runPlugin, options: Partial<RunPluginOptions>) {
  const out: string[] = [];
  const err: string[] = [];
  const runtime = { ...ground, log: createLines().log, cwd: () => folder };
  const all = { file: "plugins/a.ts", kv: false, clients: [], json: false, ...options };
  const code = await command(all, runtime, {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}
/** What `plugin test` says of the fixtures that are there now. */
async function passes(): Promise<unknown> {
  const out: string[] = [];
  const runtime = { ...ground, log: createLines().log, cwd: () => folder };
  await testPlugins({ files: [], hostile: false, json: true }, runtime, {
    out: (text) => out.push(text),
    err: (text) => out.push(text),
  });
  return (JSON.parse(out.join("\n")) as { ok: boolean }).ok;
}

const hit = (more: Partial<PluginHit> = {}): PluginHit => ({
  name: "a",
  version: "1.0.0",
  sha256: "",
  hook: "onToolCall",
  stage: "consult",
  verdict: "deny",
  mode: "shadow",
  ms: 1,
  count: 1,
  ...more,
});
const denied: Made = {
  args: '{"path":"/etc","n":1.0}',
  subject: "jane",
  eras: { client: "modern" },
  plugins: [hit({ why: "a may not" })],
};
async function record(
  calls: readonly Made[],
  settings: Parameters<typeof makeLines>[1] = { results: true },
): Promise<void> {
  await put("audit.jsonl", `${(await makeLines(calls, settings)).join("\n")}\n`);
}
const recorded = { record: "audit.jsonl", request: "r0" };

test("a recorded question becomes a fixture, which passes and says all that the record holds", async () => {
  await record([{}, denied]);
  const { code, out, err } = await run(runPlugin, { ...recorded, request: "r1" });
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(
    /record, shadow +deny +1\.0\.0 +a may not\nnow +deny +1\.0\.0 +a may not, at /,
  );
  expect(out).toContain('Wrote "onToolCall r1" to plugins/a.test.json');
  const text = await get("plugins/a.test.json");
  expect(text).toContain('"input": {"name":"get","arguments":{"path":"/etc","n":1.0}},\n');
  const now = Date.parse("2026-03-01T12:00:00Z");
  expect(JSON.parse(text)).toEqual([
    {
      name: "onToolCall r1",
      hook: "onToolCall",
      input: { name: "get", arguments: { path: "/etc", n: 1 } },
      ctx: {
        requestId: "r1",
        method: "tools/call",
        protocolVersion: "2026-07-28",
        now,
        client: { id: "a", subject: "jane" },
        upstream: { name: "x" },
        tool: { name: "get" },
      },
      expect: { action: "deny", reason: `a may not, at ${now} get of x`, code: "policy" },
    },
  ]);
  expect(await passes()).toBe(true);
});

test("a fixture is added behind those that are there, which keep their bytes, and no name is taken twice", async () => {
  const before =
    '[ {"name":"mine", "hook":"onToolCall",\n "input":{}, "expect":{"action":"allow"}}  ]\n';
  await put("plugins/a.test.json", before);
  await record([denied]);
  expect(await run(runPlugin, recorded)).toMatchObject({ code: 0 });
  const after = await get("plugins/a.test.json");
  expect(after.startsWith(before.slice(0, before.indexOf("  ]")))).toBe(true);
  expect(after.endsWith("  ]\n")).toBe(true);
  expect(await passes()).toBe(true);
  const again = await run(runPlugin, recorded);
  expect(again).toMatchObject({ code: 1, err: expect.stringContaining('"onToolCall r0" already') });
  expect(await get("plugins/a.test.json")).toBe(after);
  expect(await run(runPlugin, { ...recorded, name: "two" })).toMatchObject({ code: 0 });
  expect(JSON.parse(await get("plugins/a.test.json"))).toHaveLength(3);
});

test.each([
  ["no JSON", "[{]"],
  ["no list", "{}"],
  ["a fixture that is none", '[{"name":"x"}]'],
])("a file of fixtures that is %s is left alone", async (_, text) => {
  await put("plugins/a.test.json", text);
  await record([denied]);
  expect(await run(runPlugin, recorded)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^"plugins\/a\.test\.json" is /),
  });
  expect(await get("plugins/a.test.json")).toBe(text);
});

test("--out - prints the fixture alone on standard output, and writes nothing", async () => {
  await record([denied]);
  const { code, out, err } = await run(runPlugin, { ...recorded, out: "-" });
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ hook: "onToolCall", expect: { action: "deny" } });
  expect(err).toContain("record, shadow");
  await expect(get("plugins/a.test.json")).rejects.toThrow();
});

test("--json says what was recorded, what it says now, and the fixture", async () => {
  await record([denied]);
  const { out } = await run(runPlugin, { ...recorded, out: "new.json", json: true });
  expect(JSON.parse(out)).toMatchObject({
    request: "r0",
    hook: "onToolCall",
    recorded: { name: "a", verdict: "deny", mode: "shadow", stage: "consult", why: "a may not" },
    outcome: "deny",
    fixture: { name: "onToolCall r0" },
    file: "new.json",
    fuel: expect.any(Number),
    notes: expect.arrayContaining([expect.stringContaining("_meta")]),
  });
  expect(JSON.parse(await get("new.json"))).toHaveLength(1);
});

test("where it says something else now nothing is kept, unless that is accepted", async () => {
  await record([{ ...denied, args: { path: "/home" } }]);
  const { code, err } = await run(runPlugin, recorded);
  expect(code).toBe(1);
  expect(err).toBe(
    "The record says deny and the plugin allow, so nothing is kept (--accept keeps what it says now)",
  );
  await expect(get("plugins/a.test.json")).rejects.toThrow();
  expect(await run(runPlugin, { ...recorded, accept: true })).toMatchObject({ code: 0 });
  expect(await passes()).toBe(true);
});

test("a plugin that keeps state is given an empty one with --kv, and is told of it without", async () => {
  await put(
    "plugins/a.ts",
    pluginOf(
      'permissions: { kv: "client" }, onToolCall: async (_, { kv }) => ((await kv.incr("n")) === 1 ? deny("first") : allow()),',
    ),
  );
  await record([denied]);
  expect((await run(runPlugin, recorded)).err).toContain(
    "The record says deny and the plugin threw, so nothing is kept (--kv grants",
  );
  expect(await run(runPlugin, { ...recorded, kv: true })).toMatchObject({ code: 0 });
  expect(await passes()).toBe(true);
});

test("what would fail as a fixture is not kept", async () => {
  // Fixtures are granted what the plugin asks for.
  await put(
    "plugins/a.ts",
    pluginOf(
      'permissions: { kv: "client" }, onToolCall: (_, { kv }) => kv.get("n").then(() => allow(), () => deny("none")),',
    ),
  );
  await record([denied]);
  const { code, err } = await run(runPlugin, recorded);
  expect(code).toBe(1);
  expect(err).toBe("As a fixture it would fail: Expected deny, is allow");
  await expect(get("plugins/a.test.json")).rejects.toThrow();
});

const content = (...texts: readonly string[]): object => ({
  content: texts.map((text) => ({ type: "text", text })),
});
const redacts = { hook: "onText", verdict: "redact" } as const;

/** Without any sandbox: what it would ask, or why it cannot. */
async function rebuildOne(
  made: Made,
  settings?: Parameters<typeof makeLines>[1],
  { keys, ...wanted }: Wanted & { readonly keys?: boolean } = {},
): Promise<ReturnType<typeof rebuild>> {
  await record([made], settings);
  const exchange = await findExchange(ground.files, join(folder, "audit.jsonl"), "r0");
  if (exchange === undefined) throw new Error("It is not there");
  const match = keys === undefined ? {} : { keys };
  const plugin = { traits: { name: "a", match }, sha256: "0123" };
  const found = findHit(exchange, plugin, wanted);
  return "fault" in found ? found : rebuild(exchange, found, plugin);
}

test.each<[string, Made, Parameters<typeof rebuildOne>[2], unknown, object]>([
  [
    "onToolResult",
    {
      args: '{"path":"/etc","n":1.0}',
      result: content("a", "b"),
      plugins: [hit(), hit({ hook: "onToolResult", stage: "review", verdict: "modify" })],
    },
    { hook: "onToolResult" },
    content("a", "b"),
    { call: { name: "get", arguments: { path: "/etc", n: 1 } } },
  ],
  [
    "onText of arguments",
    { args: { a: "x", b: "secret" }, plugins: [hit(redacts)] },
    {},
    "x\u001esecret",
    { direction: "to_server", source: "tool_arguments" },
  ],
  [
    "onText of arguments with keys",
    { args: { a: "x", b: 1 }, plugins: [hit(redacts)] },
    { keys: true },
    "a\u001ex\u001eb",
    {},
  ],
  [
    "onText of a result",
    {
      result: content("a secret"),
      plugins: [hit({ ...redacts, verdict: "allow" }), hit({ ...redacts, stage: "review" })],
    },
    { stage: "review" },
    "a secret",
    { direction: "to_client", source: "tool_result" },
  ],
  [
    "onText of a resource",
    {
      method: "resources/read",
      target: "file:///a",
      result: { contents: [{ uri: "file:///a", text: "read" }] },
      plugins: [hit({ ...redacts, stage: "review" })],
    },
    {},
    "read",
    { source: "resource" },
  ],
  [
    "onPromptGet",
    { method: "prompts/get", args: { who: "you" }, plugins: [hit({ hook: "onPromptGet" })] },
    {},
    { name: "get", arguments: { who: "you" } },
    { method: "prompts/get" },
  ],
  [
    "onToolCall without arguments",
    { plugins: [hit()] },
    {},
    { name: "get" },
    { tool: { name: "get" } },
  ],
  [
    "onResourceRead",
    { method: "resources/read", target: "file:///a", plugins: [hit({ hook: "onResourceRead" })] },
    {},
    { uri: "file:///a" },
    {},
  ],
])("the question of %s is rebuilt", async (_, made, wanted, input, ctx) => {
  const rebuilt = await rebuildOne(made, { results: true }, wanted);
  if ("fault" in rebuilt) throw new Error(rebuilt.fault);
  expect(JSON.parse(rebuilt.input)).toEqual(input);
  expect(JSON.parse(rebuilt.ctx)).toMatchObject({ requestId: "r0", client: { id: "a" }, ...ctx });
});

test("what changed arguments after the plugin had seen them does not matter to it", async () => {
  const later = hit({ name: "b", verdict: "modify", mode: "enforce" });
  expect(await rebuildOne({ ...denied, plugins: [hit(), later] })).not.toHaveProperty("fault");
  const shadow = hit({ name: "b", verdict: "modify" });
  expect(await rebuildOne({ ...denied, plugins: [shadow, hit()] })).not.toHaveProperty("fault");
});

test("it says what no record holds, and no more than that of a modern call", async () => {
  const notesOf = async (made: Made, wanted = {}): Promise<string> => {
    const rebuilt = await rebuildOne(made, {}, wanted);
    return "fault" in rebuilt ? rebuilt.fault : rebuilt.notes.join("\n");
  };
  expect(await notesOf(denied)).not.toContain("\n");
  expect(await notesOf({ ...denied, eras: { client: "legacy" } })).toContain("protocolVersion");
  const rules = [{ name: "sign", then: "ask", mode: "enforce" }];
  expect(await notesOf({ ...denied, rules })).toContain('If the rule "sign" sets arguments');
  const keyed = { ...denied, plugins: [hit(redacts)] };
  expect(await notesOf(keyed, { keys: true })).toContain("The text has keys");
});

const ofResult = { hook: "onToolResult", stage: "review", verdict: "allow" } as const;
const seen = { ...denied, plugins: [hit(ofResult)], result: content("a") };

test.each<[string, Made, string, Parameters<typeof makeLines>[1]?]>([
  ["arguments that are not recorded", denied, "audit: { arguments: true }", { arguments: false }],
  [
    "arguments that are cut",
    { ...denied, args: { a: "x".repeat(9_000) } },
    "more than 8 KiB is cut",
  ],
  [
    "arguments that are cleaned",
    { ...denied, args: { a: `sk-${"a1".repeat(12)}` } },
    "secrets and hidden characters are taken out",
  ],
  [
    "arguments that a rule set",
    { ...denied, rules: [{ name: "eu", then: "set", mode: "enforce" }] },
    'The rule "eu" set arguments',
  ],
  [
    "arguments that another plugin changed",
    { ...denied, plugins: [hit({ name: "b", verdict: "modify", mode: "enforce" }), hit()] },
    'The plugin "b" changed the arguments',
  ],
  ["a question that came twice", { ...denied, plugins: [hit({ count: 2 })] }, "was asked 2 times"],
  [
    "a question with two answers",
    { ...denied, plugins: [hit(), hit({ verdict: "allow" })] },
    "was asked 2 times",
  ],
  ["two hooks", { ...denied, plugins: [hit(), hit(redacts)] }, "--hook says which one"],
  [
    "a text of both ways",
    { ...denied, plugins: [hit(redacts), hit({ ...redacts, stage: "review" })] },
    "--stage consult or --stage review",
  ],
  ["another plugin", { ...denied, plugins: [hit({ name: "b" })] }, 'it names "b" in onToolCall'],
  ["no plugin", { ...denied, plugins: [] }, "it names no plugin"],
  ["a cut name", { ...denied, target: "x".repeat(2_000) }, "the whole name"],
  ["what no record holds", { ...denied, plugins: [hit({ hook: "onRequest" })] }, "No record holds"],
  ["a result that is not recorded", seen, "audit: { results: true }", { results: false }],
  ["a result that was refused", { ...seen, decision: "denied" }, "The answer was denied"],
  [
    "a result that was redacted",
    { ...seen, redactions: [{ kind: "x", where: "/y", count: 1 }] },
    "secrets and hidden characters are taken out",
  ],
  [
    "a result that was changed",
    {
      ...seen,
      plugins: [hit(ofResult), hit({ ...redacts, name: "b", stage: "review", mode: "enforce" })],
    },
    'The plugin "b" changed the answer',
  ],
  [
    "a result with links",
    { ...seen, result: { content: [{ type: "resource_link", uri: "x+u:a", name: "a" }] } },
    "under the URIs of clients",
  ],
])("%s are no fixture, and it says why", async (_, made, told, settings) => {
  const rebuilt = await rebuildOne(made, settings ?? { results: true });
  expect(rebuilt).toEqual({ fault: expect.stringContaining(told) });
});

test("nothing in a fixture looks like something else, or moves the cursor of who reads it", async () => {
  const args = String.raw`{"path":"/etc","note":"\u202egpj\u001b[2J"}`;
  await record([{ ...denied, target: "get\u202ex", args }]);
  const { code, out } = await run(runPlugin, { ...recorded, out: "-" });
  expect(code).toBe(0);
  expect(out).toContain(String.raw`"name":"get\u202ex"`);
  for (const unseen of ["\u202e", "\u001b"]) expect(out).not.toContain(unseen);
  expect(JSON.parse(out)).toMatchObject({
    input: { name: "get\u202ex", arguments: JSON.parse(args) },
  });
});

test("a refusal is told, and nothing is written", async () => {
  await record([denied], { arguments: false });
  const { code, out, err } = await run(runPlugin, recorded);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toBe(
    "The record does not hold the arguments (audit: { arguments: true } keeps them from now on)",
  );
  await expect(get("plugins/a.test.json")).rejects.toThrow();
});

test("a plugin that the config calls otherwise is known by its files", async () => {
  const sha256 = ground.crypto.sha256(guard);
  await record([{ ...denied, plugins: [hit({ name: "b", sha256 }), hit({ sha256: "0" })] }]);
  const { code, out } = await run(runPlugin, recorded);
  expect(code).toBe(0);
  expect(out).not.toContain("have changed");
  await record([{ ...denied, plugins: [hit({ sha256: "0123" })] }]);
  expect((await run(runPlugin, { ...recorded, out: "-" })).err).toContain("have changed since");
});

test.each<[Partial<RunPluginOptions>, number, string]>([
  [{ request: "r0" }, 2, "--request goes with --record FILE"],
  [{ accept: true }, 2, "--accept goes with --record FILE"],
  [{ record: "audit.jsonl" }, 2, "--request ID is missing: one exchange of the record"],
  [{ ...recorded, input: "-" }, 2, "--input does not go with --record, which says it"],
  [{ ...recorded, clients: ["x"] }, 2, "--client does not go with --record, which says it"],
  [{ ...recorded, stage: "shape" }, 2, "--stage must be consult or review"],
  [{ ...recorded, file: "plugins/b.ts" }, 2, 'There is no file "plugins/b.ts"'],
  [{ ...recorded, request: "r9" }, 1, 'No record of an exchange has the id "r9" (in audit.jsonl)'],
  [{ ...recorded, record: "none.jsonl" }, 1, 'none.jsonl": it is gone'],
])("it is told what is wrong with its words: %j", async (options, code, told) => {
  await record([denied]);
  const ran = await run(runPlugin, options);
  expect(ran).toMatchObject({ code, out: "", err: expect.stringContaining(told) });
});
