/** The plugins of one config, in the threads that the process has for them. */
import { type Fault, resolvePath } from "./config/index.ts";
import type { Foundation, FoundationConfig } from "./foundation.ts";
import {
  type LoadedPlugin,
  type OpenPluginsOptions,
  type PluginSet,
  PluginsError,
  fixturesOf,
  loadPluginFile,
  openPlugins,
  rehearse,
} from "./sandbox/index.ts";
import type { PluginFile } from "./upstreams/index.ts";

export interface PluggedIn {
  readonly plugins: PluginSet;
  /** Warnings. */
  readonly faults: readonly Fault[];
  /** Every file that they hang on. */
  readonly files: readonly string[];
}

/**
 * Rejects with a `PluginsError` where one of them does not load; then none is open. One that is not
 * among the `running` has to pass its fixtures first; without any, whoever starts a gateway waits.
 */
export async function plugIn(
  loaded: FoundationConfig,
  {
    ports,
    plugins,
    integrity,
    metrics,
  }: Pick<Foundation, "integrity" | "metrics" | "plugins" | "ports">,
  running?: readonly LoadedPlugin[],
): Promise<PluggedIn> {
  const { pool, host, files } = plugins;
  const { folder } = loaded;
  const known = new Set(running?.map(({ sha256 }) => sha256));
  const pass: OpenPluginsOptions["rehearse"] = async (ready, index) =>
    known.has(ready.plugin.sha256)
      ? []
      : await rehearse(ready, index, folder, { ...ports, files, pool });
  const isFrozen = loaded.config.integrity.mode === "frozen";
  // Whoever accepts a plugin and has it taken up at once does not wait for the next look at the file.
  await integrity.reread();
  const refuse = (code: PluginFile) => (isFrozen ? toStrange(code, integrity) : undefined);
  const opened = await openPlugins({
    loaded,
    ports: { ...ports, files },
    pool,
    host,
    meter: metrics.meterPlugin,
    refuse,
    ...(running && { rehearse: pass }),
  });
  const { faults } = opened;
  const hangOnLock = isFrozen && loaded.config.plugins.length > 0;
  const watched = [
    ...opened.watched,
    ...loaded.config.plugins.map(({ use }) => fixturesOf(resolvePath(folder, use))),
    ...(hangOnLock ? [integrity.path] : []),
  ];
  if (opened.plugins === undefined) throw new PluginsError(faults, watched);
  return { plugins: opened.plugins, faults, files: watched };
}

/** Undefined for one that is as it is locked. */
function toStrange(
  { file, sha256 }: PluginFile,
  { plugins, path }: Foundation["integrity"],
): { readonly message: string; readonly suggestion: string } | undefined {
  const found = plugins.judge({ file, sha256 });
  if (found === "locked") return undefined;
  const what = found === "new" ? "is not locked" : "is not the one that is locked";
  return {
    message: `"${file}" ${what} in "${path}": its hash is ${sha256}`,
    suggestion: "review it, then `mcp-gw lock --plugins` accepts it",
  };
}

/** Locks those that are new, unless they are frozen; warns of the others that are not as they are locked. */
export async function followPlugins(
  { plugins }: Pick<PluggedIn, "plugins">,
  { integrity }: Pick<Foundation, "integrity">,
): Promise<readonly Fault[]> {
  await integrity.plugins.follow(plugins.all);
  return plugins.all.flatMap((plugin, index): Fault[] => {
    const strange = toStrange(plugin, integrity);
    return strange ? [{ level: "warning", path: `plugins[${index}].use`, ...strange }] : [];
  });
}

/** Whether the files of the config's plugins are still those that run. */
export async function isPluggedIn(
  { config, folder }: FoundationConfig,
  { plugins: running }: PluggedIn,
  { ports, plugins }: Pick<Foundation, "plugins" | "ports">,
): Promise<boolean> {
  const { files, pool } = plugins;
  const hashes = await Promise.all(
    config.plugins.map(async ({ use }) => {
      const { code } = await loadPluginFile(
        { use, folder },
        { ...ports, files, strip: pool.strip },
      );
      return code?.sha256;
    }),
  );
  const now = running.all.map(({ sha256 }) => sha256);
  return hashes.length === now.length && hashes.every((hash, index) => hash === now[index]);
}
