/** Loads one plugin for a command, by its file and without any config. */
import { type Fault, folderOf, resolvePath } from "../config/index.ts";
import type { Log } from "../core/index.ts";
import type { Runtime } from "../runtime/index.ts";
import {
  type PluginPool,
  type PluginTraits,
  type Subject,
  checkPlugin,
  createPluginPool,
  defaultLimits,
  loadPluginFile,
  toSubject,
} from "../sandbox/index.ts";
import { formatFault } from "./load.ts";

/** What it takes to load plugins. */
export type PoolRuntime = Pick<Runtime, "clock" | "config" | "crypto" | "log" | "threads">;
export type PluginRuntime = PoolRuntime & Pick<Runtime, "cwd">;

export interface LoadedSubject {
  /** Absolute. */
  readonly file: string;
  readonly subject: Subject;
  readonly traits: PluginTraits;
}
export type LoadSubject =
  | LoadedSubject
  /** Lines `file:line: error: what (what to do)`. */
  | { readonly faults: readonly string[] };

const silent = (): void => undefined;
/** For what plugins are expected to do wrong. */
export const noLog: Log = { debug: silent, info: silent, warn: silent, error: silent };

/** Runs `work` with a pool of one thread, which is gone after it. */
export async function withPool<T>(
  runtime: PoolRuntime,
  log: Log,
  work: (pool: PluginPool) => Promise<T>,
): Promise<T> {
  const pool = createPluginPool({ ...runtime, log }, { threads: 1 });
  try {
    return await work(pool);
  } finally {
    pool.close();
  }
}

/** What is wrong with the word itself, so that there is nothing to load; undefined where it is right. */
export async function findFileFault(
  word: string,
  { config, cwd }: Pick<PluginRuntime, "config" | "cwd">,
): Promise<string | undefined> {
  if (!/\.m?[jt]s$/.test(word)) return `"${word}" does not end in .ts, .mts, .js or .mjs`;
  const real = await config.realPath(resolvePath(cwd(), word)).catch(() => undefined);
  return real === undefined ? `There is no file "${word}"` : undefined;
}

/** `word` is as it was typed. */
export async function loadSubject(
  word: string,
  pool: PluginPool,
  runtime: PluginRuntime,
): Promise<LoadSubject> {
  const { config: files, crypto, cwd } = runtime;
  const file = resolvePath(cwd(), word);
  const folder = folderOf(file);
  const say = (faults: readonly Omit<Fault, "level" | "path">[]): LoadSubject => ({
    faults: faults.map((fault) => formatFault({ ...fault, level: "error", path: "" }, cwd())),
  });
  const use = file.slice(file.lastIndexOf(file.includes("/") ? "/" : "\\") + 1);
  const { code, ...read } = await loadPluginFile(
    { use, folder },
    { files, crypto, strip: pool.strip },
  );
  if (code === undefined) {
    const faults = "faults" in read ? read.faults : [];
    return say(
      faults.map(({ file: at, line, fault, hint }) => ({
        file: at,
        message: fault,
        ...(line !== undefined && { line }),
        ...(hint !== undefined && { suggestion: hint }),
      })),
    );
  }
  const traits = await pool.inspect(code, defaultLimits);
  if ("fault" in traits) {
    const { fault, line, module } = traits;
    const at = resolvePath(folder, module ?? use);
    return say([{ file: at, message: fault, ...(line !== undefined && { line }) }]);
  }
  const { ofFile } = checkPlugin(traits, unconfigured(use));
  if (ofFile.length > 0) {
    return say(
      ofFile.map(({ fault, hint }) => ({
        file,
        message: fault,
        ...(hint !== undefined && { suggestion: hint }),
      })),
    );
  }
  return { file, traits, subject: toSubject(code, traits, defaultLimits) };
}

/** What a config grants is for the config to say. */
function unconfigured(use: string): Parameters<typeof checkPlugin>[1] {
  return { use, grants: {}, match: {}, limits: defaultLimits, mode: "enforce", onError: "deny" };
}
