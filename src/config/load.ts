/** Loads a config file: its parts, its secrets, its faults. */
import { canonicalJson } from "./digest.ts";
import { parseDotenv } from "./dotenv.ts";
import { hasErrors, toFault } from "./fault.ts";
import type { Fault, Finding } from "./fault.ts";
import { findImports } from "./find-imports.ts";
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

/** What a reload has to look at; absolute paths, also of what is not there (yet). */
export interface Watched {
  /** The files of secrets, TLS certificates and keys. */
  readonly secrets: readonly string[];
  /** The config, what it imports by relative path, and the `.env` file. */
  readonly sources: readonly string[];
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
  readonly watched: Watched;
}
export interface RefusedConfig {
  readonly config?: undefined;
  /** At least one of them is an error. */
  readonly faults: readonly Fault[];
  /** What may mend it. */
  readonly watched: Watched;
}

/** Never rejects for what the config says; `faults` has everything that is wrong with it. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig | RefusedConfig> {
  const { file, ports } = options;
  const folder = options.folder ?? folderOf(file);
  const envFile = options.envFile ?? resolvePath(folder, ".env");
  const source = await readText(file, ports);
  if (typeof source !== "string") {
    return { faults: [source], watched: { secrets: [], sources: [file, envFile] } };
  }
  const imports = await findImports(file, source, ports);
  const sources = [file, envFile, ...imports.keys()];
  const unread: Watched = { secrets: [], sources };
  const { env, faults } = await readEnv(options, envFile);
  const read = await readConfigFile(file, source, imports, options.modules ?? {});
  if ("fault" in read)
    return { faults: [...faults, scrub(read.fault, env, file)], watched: unread };

  try {
    const { config, findings, secrets } = await settle(read.exported, { ...options, env, folder });
    const watched = { secrets, sources };
    faults.push(...placeFindings(findings, file, source));
    if (config === undefined || hasErrors(faults)) return { faults, watched };
    const digest = ports.sha256(canonicalJson(config));
    return { config, file, folder, digest, faults, watched };
  } catch (error) {
    return { faults: [...faults, scrub(thrownFault(file, error), env, file)], watched: unread };
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
  const settled = await settle(defined, { ...options, missingSecrets: "fault" });
  const { config } = settled;
  const faults = settled.findings.map((found) => toFault(found));
  const watched = { secrets: settled.secrets, sources: [] };
  if (config === undefined || hasErrors(faults)) return { faults, watched };
  const digest = options.ports.sha256(canonicalJson(config));
  return { config, file: "", folder: options.folder, digest, faults, watched };
}

interface Settled {
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
  /** The files of secrets and of TLS; absolute. */
  readonly secrets: readonly string[];
}

/** Parts become one, secrets their values, and the whole is examined. */
async function settle(
  defined: unknown,
  options: PrepareOptions & Pick<LoadOptions, "missingSecrets">,
): Promise<Settled> {
  const { env, folder, ports, now } = options;
  const merged = await mergeParts(defined, { env });
  const secrets = await resolveSecrets(merged.input, options);
  const unread = secrets.findings.map(({ path }) => path.join("."));
  const { config, findings } = examine(secrets.input, { sha256: ports.sha256, now, unread });
  const tls = tlsFiles(config, folder);
  const unreadTls = await checkTlsFiles(tls, ports);
  return {
    config,
    findings: [...merged.findings, ...secrets.findings, ...findings, ...unreadTls],
    secrets: [...new Set([...secrets.files, ...tls.map(({ path }) => path)])],
  };
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
async function readEnv(options: LoadOptions, file: string): Promise<ReadEnv> {
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

/** With their lines in the file, in the file's order. */
export function placeFindings(
  findings: readonly Finding[],
  file: string,
  source: string,
): readonly Fault[] {
  return inOrder(findings.map((found) => place(found, file, source)));
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

interface TlsFile {
  readonly key: string;
  /** As the config names it. */
  readonly file: string;
  readonly path: string;
}

function tlsFiles(config: Config | undefined, folder: string): readonly TlsFile[] {
  return Object.entries(config?.listen.tls ?? {}).map(([key, file]) => ({
    key,
    file,
    path: resolvePath(folder, file),
  }));
}

async function checkTlsFiles(
  files: readonly TlsFile[],
  ports: ConfigPorts,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { key, file, path } of files) {
    const text = await readText(path, ports);
    if (typeof text === "string") continue;
    const message = `Cannot read the file "${file}"`;
    findings.push({ level: "error", path: ["listen", "tls", key], message });
  }
  return findings;
}

/** What a config throws may quote its environment; the folders that it lies in are no secret. */
function scrub(fault: Fault, env: ReadEnv["env"], file: string): Fault {
  let { message } = fault;
  for (const value of Object.values(env)) {
    if (value !== undefined && value.length >= 8 && !file.startsWith(value)) {
      message = message.replaceAll(value, "[secret]");
    }
  }
  return { ...fault, message };
}
