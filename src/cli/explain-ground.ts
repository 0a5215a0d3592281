/** What the commands about policy decide with: a config and its lock, without any gateway. */
import type { LoadedConfig } from "../config/index.ts";
import { type ExplainGround, lockPathOf } from "../gateway.ts";
import { type Blocked, createPolicy } from "../policy/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { type Lock, parseLock, toLockFault } from "../upstreams/index.ts";
import { type LoadRuntime, formatFaults, loadOrDemo } from "./load.ts";
import type { Output } from "./output.ts";

export interface GroundOptions {
  readonly config?: string | undefined;
  readonly envFile?: string | undefined;
}
export type GroundRuntime = LoadRuntime & Pick<Runtime, "log">;

export interface OfflineGround extends ExplainGround {
  readonly loaded: LoadedConfig;
}

/** Undefined where the config or its lock cannot be used, of which `err` hears. */
export async function openExplainGround(
  options: GroundOptions,
  runtime: GroundRuntime,
  { err }: Output,
  blocked: Blocked = () => undefined,
): Promise<OfflineGround | undefined> {
  const { loaded } = await loadOrDemo(runtime, { ...options, missingSecrets: "warn" });
  if (loaded.config === undefined) {
    err(formatFaults(loaded.faults, runtime.cwd()));
    return undefined;
  }
  const lock = await readLock(loaded, runtime);
  if ("fault" in lock) {
    err(lock.fault);
    return undefined;
  }
  const { config } = loaded;
  return { loaded, config, lock, policy: createPolicy(config, runtime, blocked) };
}

async function readLock(
  loaded: LoadedConfig,
  { config: files }: GroundRuntime,
): Promise<Lock | { readonly fault: string }> {
  const path = lockPathOf(loaded);
  const text = await files.readText(path).catch(() => "");
  if (text === undefined) return new Map();
  const parsed = parseLock(text, files);
  return "lock" in parsed ? parsed.lock : { fault: toLockFault(path, parsed.fault) };
}
