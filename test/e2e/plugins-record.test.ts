/** What a plugin said in the shadow of a running gateway becomes a fixture, in both eras. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runPlugin } from "../../src/cli/plugin-run.ts";
import { testPlugins } from "../../src/cli/plugin-test.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { createLines } from "../sandbox/pool/harness.ts";
import { type PluginsRig, openPluginsRig, startMs, ways } from "./plugins-rig.ts";

/** Its verdict hangs on all that a record has to hold. */
const guard = `import { allow, definePlugin, deny, redact } from "mcp-gw/plugin";

export default definePlugin<{ word: string }>({
  name: "guard",
  version: "1.0.0",
  onToolCall: (call, ctx) => {
    const say = call.arguments?.["say"];
    const who = [ctx.client.id, ctx.upstream.name, ctx.tool?.name, ctx.method, ctx.now].join(" ");
    return typeof say === "string" && say.includes(ctx.config.word) ? deny(who) : allow();
  },
  onText: (text, ctx) => {
    const at = text.indexOf(ctx.config.word);
    return at === -1 ? allow() : redact([[at, at + 1, ctx.source]]);
  },
  onToolResult: (result, { call }) =>
    call.arguments?.["say"] === "hush" ? { action: "modify", result } : allow(),
});
`;
const config = { word: "hush" };

const ground = await openRuntime();
let rig: PluginsRig;
beforeAll(async () => {
  rig = await openPluginsRig({
    files: { "guard.ts": guard },
    plugins: [{ use: "./guard.ts", name: "ours", mode: "shadow", config }],
    config: { audit: { file: "./audit.jsonl", arguments: true, results: true } },
  });
}, startMs);
afterAll(() => rig.close());

async function run(act: (output: Parameters<typeof runPlugin>[2]) => Promise<number>) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await act({ out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: out.join("\n"), err: err.join("\n") };
}
const runtime = () => ({ ...ground, log: createLines().log, cwd: () => rig.folder });

/** Keeps what was said in one hook of the last exchange. */
async function keep(hook: string, stage: string | undefined, name: string): Promise<void> {
  const { id } = await rig.last();
  const words = { file: "guard.ts", hook, stage, config: JSON.stringify(config) };
  const recorded = { record: "audit.jsonl", request: id, name };
  const options = { ...words, ...recorded, kv: false, clients: [], json: false };
  const kept = await run((output) => runPlugin(options, runtime(), output));
  expect(kept).toMatchObject({ code: 0, err: "" });
}

const asked = [
  ["onToolCall", undefined, "deny"],
  ["onText", "consult", "redact"],
  ["onText", "review", "redact"],
  ["onToolResult", undefined, "modify"],
] as const;

test.each(ways)(
  "what is said of a call of a $client client at a $server server is kept",
  async (way) => {
    const { result } = await rig.call("echo", { say: "hush" }, { way });
    expect(result?.["content"]).toMatchObject([{ text: "hush" }]);
    const { plugins = [] } = await rig.last();
    for (const [hook, , verdict] of asked) {
      const hit = { name: "ours", hook, verdict, mode: "shadow" };
      expect(plugins).toContainEqual(expect.objectContaining(hit));
    }
    const isFirst = way === ways[0];
    for (const [hook, stage, verdict] of isFirst ? asked : asked.slice(0, 1)) {
      const name = `${hook} ${stage ?? ""} ${way.client} ${way.server}`;
      // oxlint-disable-next-line no-await-in-loop -- one file is written
      await keep(hook, stage, name);
      // oxlint-disable-next-line no-await-in-loop -- one file is written
      const own = (await fixtures()).find((one) => one.name === name);
      expect(own?.expect).toMatchObject({ action: verdict });
      if (verdict !== "deny") continue;
      const [hit] = plugins.filter((one) => one["hook"] === hook);
      expect(own?.expect).toMatchObject({ reason: hit?.["why"] });
    }
  },
  60_000,
);

async function fixtures(): Promise<readonly { readonly name: string; readonly expect: object }[]> {
  return JSON.parse(await readFile(join(rig.folder, "guard.test.json"), "utf8")) as never;
}

test("all of them are fixtures that pass", async () => {
  const tested = await run((output) =>
    testPlugins({ files: ["guard.ts"], hostile: false, json: true }, runtime(), output),
  );
  expect(JSON.parse(tested.out)).toMatchObject({ ok: true });
  expect(await fixtures()).toHaveLength(7);
}, 60_000);
