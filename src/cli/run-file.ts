/** `.mcp-gw/run.json`: how other commands find the gateway that runs on a config. */
import { type LoadedConfig, resolvePath } from "../config/index.ts";
import { isLoopback } from "../identity/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { auditLockOf } from "../instance.ts";

export interface RunningGateway {
  readonly pid: number;
  /** Where it listens, `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The config file and its digest when it was read. */
  readonly config: string;
  readonly digest: string;
  /** The tokens of the clients that come through `mcp-gw stdio` alone. */
  readonly clients: Readonly<Record<string, string>>;
  /** Absent where it has no admin listener. */
  readonly admin?: {
    /** Where operators reach it from this machine, `http://127.0.0.1:8081`. */
    readonly url: string;
    /** Absent where the config names its operators. */
    readonly token?: string;
  };
}
/** The config file that a gateway runs on, and the folder that its paths are relative to. */
type Place = Pick<LoadedConfig, "file" | "folder">;

const aliveMs = 2_000;

export function runFileOf({ folder }: Pick<LoadedConfig, "folder">): string {
  return resolvePath(folder, ".mcp-gw/run.json");
}

/** Readable by its owner alone, since it holds tokens. Gives how to take it away again. */
export async function writeRunFile(
  loaded: LoadedConfig,
  running: RunningGateway,
  { config: files }: Pick<Runtime, "config">,
): Promise<() => Promise<void>> {
  const file = runFileOf(loaded);
  const lock = auditLockOf(loaded);
  const text = `${JSON.stringify({ ...running, lock }, undefined, 2)}\n`;
  await files.replace(file, text);
  return async () => {
    // Another gateway of this folder may have written its own by now.
    if ((await files.readText(file)) === text) await files.remove(file);
  };
}

/** As `findHolder`, where it also answers, and on this machine. */
export async function findRunning(
  loaded: Place & Pick<LoadedConfig, "config">,
  runtime: Pick<Runtime, "config" | "lockHolder">,
): Promise<RunningGateway | undefined> {
  const running = await findHolder(loaded, runtime);
  if (running === undefined || !leadsHere(running.url, loaded.config.listen.host)) return undefined;
  return (await isAlive(running.url)) ? running : undefined;
}

/**
 * Whether a URL leads to this machine, of which `own` may be an address. Attack: who can write the
 * run file, as a file server behind the gateway may, names his own place, and gets the tokens of
 * whoever believes it.
 */
export function leadsHere(url: string, own?: string): boolean {
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, "$1");
  return isLoopback(host) || ["localhost", "0.0.0.0", "::", own?.toLowerCase()].includes(host);
}

/**
 * The gateway that runs on this config, whatever the file says by now. Whoever took its port after
 * it died would be sent a token, so it counts only while its process holds the lock of the record.
 */
export async function findHolder(
  place: Place,
  { config: files, lockHolder }: Pick<Runtime, "config" | "lockHolder">,
): Promise<RunningGateway | undefined> {
  const text = await files.readText(runFileOf(place)).catch(() => undefined);
  const found = text === undefined ? undefined : parse(text);
  if (found === undefined || found.running.config !== place.file) return undefined;
  return (await lockHolder(found.lock)) === found.running.pid ? found.running : undefined;
}

async function isAlive(url: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(aliveMs);
    const response = await fetch(new URL("/livez", url), { redirect: "error", signal });
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Whatever stands in the way, nobody can be reached there.
    return false;
  }
}

interface Found {
  readonly running: RunningGateway;
  /** What its process holds while it runs. */
  readonly lock: string;
}

function parse(text: string): Found | undefined {
  try {
    const read = JSON.parse(text) as Partial<RunningGateway & Found>;
    const { pid, url, config, digest, clients, admin, lock } = read;
    const isWhole =
      typeof pid === "number" &&
      isUrl(url) &&
      typeof config === "string" &&
      typeof digest === "string" &&
      typeof clients === "object" &&
      clients !== null &&
      typeof lock === "string" &&
      (admin === undefined || isAdmin(admin));
    if (!isWhole) return undefined;
    const running = {
      pid,
      url,
      config,
      digest,
      clients,
      ...(admin === undefined ? {} : { admin }),
    };
    return { running, lock };
  } catch {
    // A file that is no JSON tells of no gateway.
    return undefined;
  }
}

function isAdmin(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { url, token } = value as Readonly<Record<string, unknown>>;
  return isUrl(url) && (token === undefined || typeof token === "string");
}

function isUrl(value: unknown): value is string {
  return typeof value === "string" && URL.canParse(value);
}
