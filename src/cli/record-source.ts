/** What `replay` and `suggest` stand on: the config, and the files of a recording. */
import type { RecordedCall } from "../audit/index.ts";
import { type LoadedConfig, resolvePath } from "../config/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { allFiles, toReadFault } from "./audit-files.ts";
import { toConfigArgs } from "./config-args.ts";
import { formatFaults, load } from "./load.ts";
import type { Output } from "./output.ts";
import { type Walked, walkRecords } from "./record-walk.ts";

export interface SourceOptions {
  /** Those that were named; the ones of the config where there are none. */
  readonly paths: readonly string[];
  readonly config?: string | undefined;
  readonly envFile?: string | undefined;
}
export interface Source {
  /** Undefined where there is none, and none was named. */
  readonly loaded: LoadedConfig | undefined;
  readonly files: readonly string[];
}

/** The words for them; `config` is what the help calls that one. */
export function toSourceArgs(config: string) {
  return {
    audit: {
      type: "positional",
      description: "Audit files (default: those of the config)",
      valueHint: "AUDIT…",
      required: false,
    },
    ...toConfigArgs(config),
  } as const;
}

/** Undefined where something is wrong, which was said then. */
export async function openSource(
  options: SourceOptions,
  runtime: Runtime,
  { err }: Output,
): Promise<Source | undefined> {
  const loaded = await load(runtime, { ...options, missingSecrets: "warn" });
  if (loaded !== undefined && loaded.config === undefined) {
    err(formatFaults(loaded.faults, runtime.cwd()));
    return undefined;
  }
  if (options.paths.length > 0) {
    const files = options.paths.map((path) => resolvePath(runtime.cwd(), path));
    return { loaded, files: [...new Set(files)] };
  }
  const file = resolvePath(
    loaded?.folder ?? runtime.cwd(),
    loaded?.config.audit.file ?? "./audit.jsonl",
  );
  const files = await allFiles(runtime.files, file).list();
  if (files.length > 0) return { loaded, files };
  err(`There is no audit file "${file}" (name one: mcp-gw replay audit.jsonl)`);
  return undefined;
}

/** Hands over each recorded call; undefined where a file could not be read, which was said then. */
export async function readSource(
  { files }: Source,
  runtime: Runtime,
  output: Output,
  take: (call: RecordedCall) => void,
): Promise<Walked | undefined> {
  return orReadFault(files, output, () => walkRecords(runtime, files, take));
}

/** Undefined where a file could not be read, which was said then. */
export async function orReadFault<T>(
  files: readonly string[],
  { err }: Output,
  act: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    const fault = toReadFault(files[0] ?? "", error);
    if (fault === undefined) throw error;
    err(fault);
    return undefined;
  }
}
