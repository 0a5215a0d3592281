/** What every command does first: find the config, load it, say what is wrong with it. */
import { configExtensions, folderOf, loadConfig, resolvePath } from "../config/index.ts";
import type { Fault, LoadedConfig, LoadOptions, RefusedConfig } from "../config/index.ts";
import { escapeControls } from "../core/index.ts";
import { demoConfigFile } from "../demo/index.ts";
import * as face from "../index.ts";
import * as plugin from "../plugin.ts";
import type { Runtime } from "../runtime/index.ts";

export type LoadRuntime = Pick<Runtime, "clock" | "config" | "cwd" | "env">;

export interface LoadRequest {
  /** `--config` */
  readonly config?: string | undefined;
  /** `--env-file` */
  readonly envFile?: string | undefined;
  readonly missingSecrets: LoadOptions["missingSecrets"];
}

/** Undefined where no file was named and none stands in the working folder. */
export async function load(
  runtime: LoadRuntime,
  request: LoadRequest,
): Promise<LoadedConfig | RefusedConfig | undefined> {
  const found = await findConfig(runtime, request.config);
  if (found === undefined || typeof found !== "string") return found;
  return await read(runtime, request, found, undefined);
}

async function read(
  runtime: LoadRuntime,
  request: LoadRequest,
  file: string,
  folder: string | undefined,
): Promise<LoadedConfig | RefusedConfig> {
  const cwd = runtime.cwd();
  return await loadConfig({
    file,
    ...(folder === undefined ? {} : { folder }),
    env: runtime.env,
    ...(request.envFile === undefined ? {} : { envFile: resolvePath(cwd, request.envFile) }),
    ports: runtime.config,
    now: runtime.clock.now(),
    missingSecrets: request.missingSecrets,
    modules: { "mcp-gw": { ...face }, "mcp-gw/plugin": { ...plugin } },
  });
}

/** As `load`; where nothing is found, the demo of the package with this folder as its own. */
export async function loadOrDemo(
  runtime: LoadRuntime,
  request: LoadRequest,
): Promise<{ readonly loaded: LoadedConfig | RefusedConfig; readonly isDemo: boolean }> {
  const loaded = await load(runtime, request);
  if (loaded !== undefined) return { loaded, isDemo: false };
  const demo = await read(runtime, request, demoConfigFile(), runtime.cwd());
  return { loaded: demo, isDemo: true };
}

const names = configExtensions.map((extension) => `gateway.config${extension}`);

/**
 * The config that a command is about, without reading it: what runs is found although the file is
 * wrong by now. The demo's where there is none.
 */
export async function locateConfig(
  runtime: LoadRuntime,
  named: string | undefined,
): Promise<Pick<LoadedConfig, "file" | "folder"> | RefusedConfig> {
  const found = await findConfig(runtime, named);
  if (found === undefined) return { file: demoConfigFile(), folder: runtime.cwd() };
  return typeof found === "string" ? { file: found, folder: folderOf(found) } : found;
}

async function findConfig(
  { config, cwd }: LoadRuntime,
  named: string | undefined,
): Promise<string | RefusedConfig | undefined> {
  if (named !== undefined) return resolvePath(cwd(), named);
  const present: string[] = [];
  for (const name of names) {
    const text = await config.readText(resolvePath(cwd(), name)).catch(() => "");
    if (text !== undefined) present.push(name);
  }
  const [first, second] = present;
  if (first === undefined) return undefined;
  if (second === undefined) return resolvePath(cwd(), first);
  const message = `Both "${first}" and "${second}" are here`;
  const suggestion = "name one with --config FILE";
  const watched = { secrets: [], sources: present.map((name) => resolvePath(cwd(), name)) };
  return { faults: [{ level: "error", path: "", message, suggestion }], watched };
}

export function noConfigText(cwd: string): string {
  return `Cannot find a config: none of ${names.join(", ")} is in ${cwd} (--config FILE names another)`;
}

/** A line for each fault, then how many there are. */
export function formatFaults(faults: readonly Fault[], cwd: string): string {
  const lines = faults.map((fault) => formatFault(fault, cwd));
  const count = (level: Fault["level"]) => {
    const number = faults.filter((fault) => fault.level === level).length;
    return `${number} ${level}${number === 1 ? "" : "s"}`;
  };
  return [...lines, "", `${count("error")}, ${count("warning")}`].join("\n");
}

/** One line, `file:line: level: path: message (suggestion)`. */
export function formatFault(fault: Fault, cwd: string): string {
  const place = fault.file === undefined ? "" : relativeTo(cwd, fault.file);
  const where = fault.line === undefined ? place : `${place}:${fault.line}`;
  const suggestion = fault.suggestion === undefined ? "" : ` (${fault.suggestion})`;
  const text = [where, fault.level, fault.path, fault.message].filter((part) => part !== "");
  return escapeControls(`${text.join(": ")}${suggestion}`);
}

function relativeTo(cwd: string, file: string): string {
  const rest = file.startsWith(cwd) ? file.slice(cwd.length) : "";
  return /^[/\\]./.test(rest) ? rest.slice(1) : file;
}
