/** `mcp-gw plugin test`: the fixtures of plugins, and what should not make them fail. */
import { defineCommand } from "citty";
import { openRuntime } from "../runtime/index.ts";
import { type Fixture, type PluginPool, runFixtures, runHostile } from "../sandbox/index.ts";
import { type Output, consoleOutput } from "./output.ts";
import { type PluginRuntime, findFileFault, loadSubject, noLog, withPool } from "./plugin-load.ts";
import {
  type FoundFixtures,
  type TestRuntime,
  findFixtures,
  findTested,
  toPluginFile,
} from "./plugin-test-files.ts";
import { type TestedPlugin, toTestText } from "./plugin-test-output.ts";

export const pluginTestCommand = defineCommand({
  meta: {
    name: "test",
    description: "Runs the fixtures beside plugins. Example: mcp-gw plugin test --hostile",
  },
  args: {
    files: {
      type: "positional",
      description: "Plugins (default: those of plugins/ that have fixtures)",
      valueHint: "FILE…",
      required: false,
    },
    hostile: {
      type: "boolean",
      description: "Also feed each hook what clients and servers should not send",
      default: false,
    },
    json: { type: "boolean", description: "Print { ok, plugins }", default: false },
  },
  run: async ({ args }) =>
    testPlugins({ ...args, files: args._ }, await openRuntime(), consoleOutput),
});

export interface TestPluginsOptions {
  readonly files: readonly string[];
  readonly hostile: boolean;
  readonly json: boolean;
}
/** The exit code: 0 all came out as expected, 1 something did not, 2 wrong usage. */
export async function testPlugins(
  { files, hostile, json }: TestPluginsOptions,
  runtime: PluginRuntime & TestRuntime,
  { out, err }: Output,
): Promise<number> {
  const named = await Promise.all(files.map((file) => toPluginFile(file, runtime)));
  const wanted = named.length > 0 ? [...new Set(named)] : await findTested(runtime);
  if (wanted.length === 0) {
    err("No plugin of plugins/ has fixtures beside it (plugins/x.test.json of plugins/x.ts)");
    return 2;
  }
  const found = await Promise.all(
    wanted.map(async (file) => ({ file, found: await findFixtures(file, runtime) })),
  );
  const wrong = await Promise.all(
    found.map((one) => findFault(one.file, one.found, hostile, runtime)),
  );
  const faults = wrong.flat();
  if (faults.length > 0) {
    for (const fault of faults) err(fault);
    return 2;
  }
  const tested: TestedPlugin[] = [];
  await withPool(runtime, noLog, async (pool) => {
    for (const {
      file,
      found: { fixtures },
    } of found) {
      const one = await testOne(file, fixtures, hostile, { pool, runtime });
      tested.push(one);
      if (!json) out(`${toTestText(one)}\n`);
    }
  });
  const ok = tested.every((one) => one.ok);
  if (json) out(JSON.stringify({ ok, plugins: tested }));
  else out(toSum(tested));
  return ok ? 0 : 1;
}

async function findFault(
  file: string,
  { faults, isThere }: FoundFixtures,
  hostile: boolean,
  runtime: TestRuntime,
): Promise<readonly string[]> {
  const wrong = await findFileFault(file, runtime);
  if (wrong !== undefined) return [wrong];
  if (isThere || hostile) return faults;
  return [
    `"${file}" has no fixtures beside it, such as ${file.replace(/\.m?[jt]s$/, ".test.json")}`,
  ];
}

async function testOne(
  file: string,
  fixtures: readonly Fixture[],
  hostile: boolean,
  { pool, runtime }: { readonly pool: PluginPool; readonly runtime: PluginRuntime },
): Promise<TestedPlugin> {
  const loaded = await loadSubject(file, pool, runtime);
  if ("faults" in loaded) return { file, ok: false, faults: loaded.faults, fixtures: [] };
  const { subject } = loaded;
  const ports = { ...runtime, pool };
  const results = await runFixtures(subject, fixtures, ports);
  const isGood = results.every(({ ok }) => ok);
  if (!hostile) return { file, ok: isGood, faults: [], fixtures: results };
  const fed = await runHostile(
    subject,
    {
      config: fixtures[0]?.config ?? "{}",
      samples: (hook) => fixtures.flatMap((one) => (one.hook === hook ? [one.input] : [])),
    },
    ports,
  );
  const stood = fed.every(({ failures }) => failures.length === 0);
  return { file, ok: isGood && stood, faults: [], fixtures: results, hostile: fed };
}

function toSum(tested: readonly TestedPlugin[]): string {
  const results = tested.flatMap(({ fixtures }) => fixtures);
  const passed = results.filter(({ ok }) => ok).length;
  const plugins = `${tested.length} ${tested.length === 1 ? "plugin" : "plugins"}`;
  return `${passed} of ${results.length} fixtures of ${plugins} passed`;
}
