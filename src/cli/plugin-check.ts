/** `mcp-gw plugin check`: whether a file is a plugin, what it asks for, and its hash. */
import { defineCommand } from "citty";
import { openRuntime } from "../runtime/index.ts";
import type { PluginTraits } from "../sandbox/index.ts";
import { type Output, consoleOutput } from "./output.ts";
import {
  type LoadedSubject,
  type PluginRuntime,
  findFileFault,
  loadSubject,
  noLog,
  withPool,
} from "./plugin-load.ts";
import { type CheckedTypes, type TypesRuntime, checkTypes } from "./plugin-types.ts";
import { toSafeLine } from "./safe-text.ts";

export const pluginCheckCommand = defineCommand({
  meta: {
    name: "check",
    description:
      "Loads a plugin in the sandbox and checks its types. Example: mcp-gw plugin check plugins/path-guard.ts",
  },
  args: {
    file: { type: "positional", description: "The plugin", valueHint: "FILE", required: true },
    json: { type: "boolean", description: "Print { ok, faults, … }", default: false },
  },
  run: async ({ args }) => checkPluginFile(args, await openRuntime(), consoleOutput),
});

export interface CheckPluginOptions {
  readonly file: string;
  readonly json: boolean;
}

/** The exit code: 0 a plugin, 1 it is none, or its types are wrong, 2 wrong usage. */
export async function checkPluginFile(
  { file, json }: CheckPluginOptions,
  runtime: PluginRuntime & TypesRuntime,
  { out, err }: Output,
): Promise<number> {
  const wrong = await findFileFault(file, runtime);
  if (wrong !== undefined) {
    err(wrong);
    return 2;
  }
  const loaded = await withPool(runtime, noLog, (pool) => loadSubject(file, pool, runtime));
  if ("faults" in loaded) {
    if (json) out(JSON.stringify({ ok: false, faults: loaded.faults }));
    for (const fault of loaded.faults) err(fault);
    return 1;
  }
  const types = await checkTypes(loaded.file, runtime);
  const faults = types.state === "wrong" ? types.lines.map((line) => toSafeLine(line, 500)) : [];
  const ok = faults.length === 0;
  if (json) out(JSON.stringify({ ok, ...toFacts(loaded), types: types.state, faults }));
  else out(toText(loaded, types));
  for (const fault of faults) err(fault);
  return ok ? 0 : 1;
}

function toFacts({ subject, traits }: LoadedSubject): object {
  const { configSchema, ...facts } = traits;
  const schema: unknown = configSchema === undefined ? null : JSON.parse(configSchema);
  return { ...facts, configSchema: schema, sha256: subject.code.sha256 };
}

function toText({ subject, traits }: LoadedSubject, types: CheckedTypes): string {
  const { name, version, hooks, hasSetup, match, configSchema } = traits;
  const { on, methods, keys } = match;
  const files = subject.code.modules.length;
  const lines = [
    ["name", name],
    ["version", version],
    ["hooks", [...(hasSetup ? ["setup"] : []), ...hooks].join(", ")],
    ["asks for", toWishes(traits)],
    ["match", [...(on ?? ["*"]), ...(methods ?? []), ...(keys ? ["keys"] : [])].join(", ")],
    ["config", configSchema === undefined ? "anything" : "as its configSchema says"],
    ["files", String(files)],
    ["sha256", subject.code.sha256],
    ["types", toTypesText(types)],
  ];
  return lines
    .map(([key = "", value = ""]) => `${key.padEnd(10)}${toSafeLine(value, 500)}`)
    .join("\n");
}

function toWishes({ permissions: { kv, fetch = [] } }: PluginTraits): string {
  const wishes = [
    ...(kv === undefined ? [] : [`kv: "${kv}"`]),
    ...fetch.map((origin) => `fetch: "${origin}"`),
  ];
  return wishes.length === 0 ? "nothing" : wishes.join(", ");
}

function toTypesText(types: CheckedTypes): string {
  if (types.state === "good") return "good";
  return types.state === "wrong" ? "wrong" : `not checked: ${types.why}`;
}
