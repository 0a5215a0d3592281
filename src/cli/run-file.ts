/** `.mcp-gw/run.json`: how other commands find the gateway that runs on a config. */
import { type LoadedConfig, resolvePath } from "../config/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { auditLockOf } from "../serve.ts";

export interface RunningGateway {
  readonly pid: number;
  /** Where it listens, `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The config file and its digest when it was read. */
  readonly config: string;
  readonly digest: string;
  /** The tokens of the clients that come through `mcp-gw stdio` alone. */
  readonly clients: Readonly<Record<string, string>>;
}

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
  const text = `${JSON.stringify(running, undefined, 2)}\n`;
  await files.replace(file, text);
  return async () => {
    // Another gateway of this folder may have written its own by now.
    if ((await files.readText(file)) === text) await files.remove(file);
  };
}

/**
 * The gateway that runs on this config. Whoever took its port after it died would be sent a token,
 * so it counts only while its process holds the lock of the record.
 */
export async function findRunning(
  loaded: LoadedConfig,
  { config: files, lockHolder }: Pick<Runtime, "config" | "lockHolder">,
): Promise<RunningGateway | undefined> {
  const text = await files.readText(runFileOf(loaded)).catch(() => undefined);
  const running = text === undefined ? undefined : parse(text);
  if (running === undefined || running.config !== loaded.file) return undefined;
  if ((await lockHolder(auditLockOf(loaded))) !== running.pid) return undefined;
  return (await isAlive(running.url)) ? running : undefined;
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

function parse(text: string): RunningGateway | undefined {
  try {
    const { pid, url, config, digest, clients } = JSON.parse(text) as Partial<RunningGateway>;
    const isWhole =
      typeof pid === "number" &&
      typeof url === "string" &&
      URL.canParse(url) &&
      typeof config === "string" &&
      typeof digest === "string" &&
      typeof clients === "object";
    return isWhole && clients !== null ? { pid, url, config, digest, clients } : undefined;
  } catch {
    // A file that is no JSON tells of no gateway.
    return undefined;
  }
}
