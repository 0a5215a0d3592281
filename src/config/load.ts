/** Loads a config file: its parts, its secrets, its faults. */
import { canonicalJson } from "./digest.ts";
import { parseDotenv } from "./dotenv.ts";
import { hasErrors, toFault } from "./fault.ts";
import type { Fault, Finding } from "./fault.ts";
import { locate } from "./locate.ts";
import { mergeParts } from "./merge.ts";
import { examine } from "./parse.ts";
import { folderOf, resolvePath } from "./path.ts";
import type { ConfigPorts } from "./ports.ts";
import { readConfigFile, thrownFault } from "./read-file.ts";
import { resolveSecrets } from "./resolve-secrets.ts";
import type { Config } from "./schema.ts";

export interface LoadOptions {
  /** An absolute path. */
  readonly file: string;
  /** What relative paths are relative to, where it is not the file's own folder. */
  readonly folder?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** An absolute path; by default `.env` beside the file, where there is one. */
  readonly envFile?: string;
  readonly ports: ConfigPorts;
  /** Milliseconds since the epoch, for what expires. */
  readonly now: number;
  /** `warn` looks only: a secret that is not set is a warning, and none is created. */
  readonly missingSecrets: "fault" | "warn";
  /** What the file's imports find, besides `mcp-gw` itself. */
  readonly modules?: Readonly<Record<string, unknown>>;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly file: string;
  /** What relative paths in `config` are relative to. */
  readonly folder: string;
  /** SHA-256 over the canonical JSON of the config, without its secrets. */
  readonly digest: string;
  /** Warnings only. */
  readonly faults: readonly Fault[];
}
export interface RefusedConfig {
  readonly config?: undefined;
  /** At least one of them is an error. */
  readonly faults: readonly Fault[];
}

/** Never rejects for what the config says; `faults` has everything that is wrong with it. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig | RefusedConfig> {
  const { file, ports } = options;
  const folder = options.folder ?? folderOf(file);
  const source = await readText(file, ports);
  if (typeof source !== "string") return { faults: [source] };
  const { env, faults } = await readEnv(options, folder);
  const read = await readConfigFile(file, source, options.modules ?? {});
  if ("fault" in read) return { faults: [...faults, scrub(read.fault, env)] };

  try {
    const { config, findings } = await settle(read.exported, { ...options, env, folder });
    faults.push(...inOrder(findings.map((found) => place(found, file, source))));
    if (config === undefined || hasErrors(faults)) return { faults };
    return { config, file, folder, digest: ports.sha256(canonicalJson(config)), faults };
  } catch (error) {
    return { faults: [...faults, scrub(thrownFault(file, error), env)] };
  }
}

export type PrepareOptions = Pick<LoadOptions, "env" | "ports" | "now"> & {
  /** What relative paths are relative to; absolute. */
  readonly folder: string;
};

/** As `loadConfig`, for a config that is at hand; rejects where a part of it throws. */
export async function prepareConfig(
  defined: unknown,
  options: PrepareOptions,
): Promise<LoadedConfig | RefusedConfig> {
  const { config, findings } = await settle(defined, { ...options, missingSecrets: "fault" });
  const faults = findings.map((found) => toFault(found));
  if (config === undefined || hasErrors(faults)) return { faults };
  const digest = options.ports.sha256(canonicalJson(config));
  return { config, file: "", folder: options.folder, digest, faults };
}

interface Settled {
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
}

/** Parts become one, secrets their values, and the whole is examined. */
async function settle(
  defined: unknown,
  options: PrepareOptions & Pick<LoadOptions, "missingSecrets">,
): Promise<Settled> {
  const { env, folder, ports, now } = options;
  const merged = await mergeParts(defined, { env });
  const secrets = await resolveSecrets(merged.input, options);
  const { config, findings } = examine(secrets.input, { sha256: ports.sha256, now });
  const tls = config === undefined ? [] : await checkTlsFiles(config, folder, ports);
  return { config, findings: [...merged.findings, ...secrets.findings, ...findings, ...tls] };
}

const noFile = "There is no such file";

async function readText(file: string, ports: ConfigPorts): Promise<string | Fault> {
  const fault = (message: string): Fault => ({ level: "error", path: "", message, file });
  try {
    return (await ports.readText(file)) ?? fault(noFile);
  } catch (error) {
    return fault(`Cannot be read: ${whyUnread(error)}`);
  }
}

function whyUnread(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EISDIR") return "it is a folder";
  if (code === "ENOTDIR") return "its folder is a file";
  return "this user or process may not read it";
}

interface ReadEnv {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly faults: Fault[];
}

/** The `.env` file fills in what the real environment does not have. */
async function readEnv(options: LoadOptions, folder: string): Promise<ReadEnv> {
  const file = options.envFile ?? resolvePath(folder, ".env");
  const text = await readText(file, options.ports);
  if (typeof text !== "string") {
    const isExpected = options.envFile !== undefined || text.message !== noFile;
    return { env: options.env, faults: isExpected ? [text] : [] };
  }
  const { values, faults } = parseDotenv(text);
  const env = Object.assign(Object.create(null) as Record<string, string | undefined>);
  for (const [name, value] of values) env[name] = value;
  for (const [name, value] of Object.entries(options.env)) {
    if (value !== undefined) env[name] = value;
  }
  return { env, faults: faults.map((fault) => ({ level: "error", path: "", file, ...fault })) };
}

function place(found: Finding, file: string, source: string): Fault {
  const line = locate(source, found.path);
  return toFault(found, line === undefined ? { file } : { file, line });
}

/** By line, and what has none at the end. */
function inOrder(faults: readonly Fault[]): readonly Fault[] {
  const line = (fault: Fault) => fault.line ?? Number.MAX_SAFE_INTEGER;
  return [...faults].sort((a, b) => line(a) - line(b));
}

async function checkTlsFiles(
  { listen }: Config,
  folder: string,
  ports: ConfigPorts,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [key, file] of Object.entries(listen.tls ?? {})) {
    const text = await readText(resolvePath(folder, file), ports);
    if (typeof text === "string") continue;
    const message = `Cannot read the file "${file}"`;
    findings.push({ level: "error", path: ["listen", "tls", key], message });
  }
  return findings;
}

/** What a config throws may quote its environment. */
function scrub(fault: Fault, env: ReadEnv["env"]): Fault {
  let { message } = fault;
  for (const value of Object.values(env)) {
    if (value !== undefined && value.length >= 8 && !value.startsWith("/")) {
      message = message.replaceAll(value, "[secret]");
    }
  }
  return { ...fault, message };
}
