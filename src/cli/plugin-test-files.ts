/** Which plugins `mcp-gw plugin test` is about, and the fixtures that stand beside them. */
import { findImports, readConfigFile, resolvePath } from "../config/index.ts";
import * as face from "../index.ts";
import * as plugin from "../plugin.ts";
import type { Runtime } from "../runtime/index.ts";
import { type Fixture, parseFixtures } from "../sandbox/index.ts";
import { formatFault } from "./load.ts";

export type TestRuntime = Pick<Runtime, "config" | "cwd" | "files">;

const scripts = [".ts", ".mts", ".js", ".mjs"];
const fixtureEndings = [".test.json", ".test.ts", ".test.js", ".test.mjs"];

/** All plugins of `plugins/` that have fixtures; relative to the working folder, in order. */
export async function findTested({ files, cwd }: TestRuntime): Promise<readonly string[]> {
  const names = new Set(await files.list(resolvePath(cwd(), "plugins")).catch(() => []));
  return [...names]
    .filter((name) => scripts.some((ending) => name.endsWith(ending)) && !isFixtures(name))
    .filter((name) => fixtureEndings.some((ending) => names.has(bare(name) + ending)))
    .sort()
    .map((name) => `plugins/${name}`);
}

/** A file of fixtures means the plugin that it is beside. */
export async function toPluginFile(word: string, { config, cwd }: TestRuntime): Promise<string> {
  if (!isFixtures(word)) return word;
  const start = word.replace(/\.test\.[a-z]+$/, "");
  for (const ending of scripts) {
    const real = await config.realPath(resolvePath(cwd(), start + ending)).catch(() => undefined);
    if (real !== undefined) return start + ending;
  }
  return `${start}.ts`;
}

export interface FoundFixtures {
  readonly fixtures: readonly Fixture[];
  /** Lines. */
  readonly faults: readonly string[];
  /** Whether there is a file of them. */
  readonly isThere: boolean;
}

export async function findFixtures(file: string, runtime: TestRuntime): Promise<FoundFixtures> {
  const { config, cwd } = runtime;
  const fixtures: Fixture[] = [];
  const faults: string[] = [];
  let isThere = false;
  for (const ending of fixtureEndings) {
    const name = bare(file) + ending;
    const path = resolvePath(cwd(), name);
    const text = await config.readText(path).catch(() => undefined);
    if (text === undefined) continue;
    isThere = true;
    const isJson = ending === ".test.json";
    const source = isJson ? { json: text } : await evaluate(path, text, runtime);
    if ("fault" in source) {
      faults.push(source.fault);
      continue;
    }
    const parsed = parseFixtures(source.json);
    fixtures.push(...parsed.fixtures);
    for (const { line, where, fault } of parsed.faults) {
      // The lines of a module are not those of what it exports.
      const place = isJson ? `${name}:${line}` : name;
      faults.push([place, "error", where, fault].filter((part) => part !== "").join(": "));
    }
  }
  return { fixtures, faults, isThere };
}

/** As a config is loaded: it runs with all rights, on the machine of who wrote it, and never in a gateway. */
async function evaluate(
  path: string,
  text: string,
  { config, cwd }: TestRuntime,
): Promise<{ readonly json: string } | { readonly fault: string }> {
  const modules = { "mcp-gw": { ...face }, "mcp-gw/plugin": { ...plugin } };
  const read = await readConfigFile(path, text, await findImports(path, text, config), modules);
  if ("fault" in read) return { fault: formatFault(read.fault, cwd()) };
  try {
    return { json: JSON.stringify(read.exported) ?? "null" };
  } catch {
    return { fault: `${path}: error: Its default export cannot be written as JSON` };
  }
}

function isFixtures(name: string): boolean {
  return fixtureEndings.some((ending) => name.endsWith(ending));
}

function bare(file: string): string {
  return file.replace(/\.m?[jt]s$/, "");
}
