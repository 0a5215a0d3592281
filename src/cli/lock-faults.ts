/** What `check` says of `gateway.lock.json`, offline. */
import type { Fault, LoadedConfig } from "../config/index.ts";
import { lockPathOf } from "../gateway.ts";
import {
  type LockContent,
  emptyContent,
  parseLock,
  toFlagText,
  toLockFault,
} from "../upstreams/index.ts";
import type { PoolRuntime } from "./plugin-load.ts";
import { flagsOf } from "./lock-compare.ts";
import { comparePlugins, hashPlugins } from "./lock-plugins.ts";

/** A tool that is flagged stays a warning although it was accepted: whoever looks again should see it. */
export async function lockFaults(
  { config, folder }: Pick<LoadedConfig, "config" | "folder">,
  runtime: PoolRuntime,
): Promise<readonly Fault[]> {
  const { config: files } = runtime;
  const file = lockPathOf({ folder });
  const fault = (level: Fault["level"], message: string, suggestion?: string): Fault => ({
    level,
    path: "integrity",
    message,
    file,
    ...(suggestion === undefined ? {} : { suggestion }),
  });
  const text = await files.readText(file).catch(() => "");
  const parsed = text === undefined ? emptyContent : parseLock(text, files);
  if ("fault" in parsed) return [fault("error", toLockFault(file, parsed.fault))];
  const { lock, plugins } = parsed;
  const isFrozen = config.integrity.mode === "frozen";
  const known = Object.keys(config.upstreams);
  const unlocked = known.filter((name) => isFrozen && !lock.has(name));
  const foreign = [...lock.keys()].filter((name) => !known.includes(name));
  return [
    ...unlocked.map((name) =>
      fault("warning", `No tool of "${name}" is locked, so all of them are quarantined`),
    ),
    ...foreign.map((name) => fault("warning", `There is no upstream "${name}" in the config`)),
    ...(await pluginFaults({ config, folder }, plugins, runtime)).map(
      ({ level, message, suggestion }) => fault(level, message, suggestion),
    ),
    ...[...lock.keys()].flatMap((name) =>
      flagsOf(name, lock).map(({ tool, ...flag }) =>
        fault("warning", `"${name}/${tool}": ${toFlagText(flag)}`),
      ),
    ),
  ];
}

type PluginFault = Pick<Fault, "level" | "message" | "suggestion">;

/** Of one that cannot be read others speak. Where they are frozen, a gateway does not start. */
async function pluginFaults(
  loaded: Pick<LoadedConfig, "config" | "folder">,
  locked: LockContent["plugins"],
  runtime: PoolRuntime,
): Promise<readonly PluginFault[]> {
  const changes = comparePlugins(locked, await hashPlugins(loaded, runtime));
  const isFrozen = loaded.config.integrity.mode === "frozen";
  const suggestion = "review it, then `mcp-gw lock --plugins` accepts it";
  return Object.entries(changes).flatMap(([file, change]): PluginFault[] => {
    if ("fault" in change || change.what === "same") return [];
    if (change.what === "gone") {
      return [{ level: "warning", message: `There is no plugin "${file}" in the config` }];
    }
    const { what, sha256 } = change;
    if (what === "new" && !isFrozen) return [];
    const level = isFrozen ? "error" : "warning";
    const state = what === "new" ? "is not locked" : "is not the one that is locked";
    return [{ level, message: `"${file}" ${state}: its hash is ${sha256}`, suggestion }];
  });
}
