/** The plugins of one config, in the threads that the process has for them. */
import type { Fault } from "./config/index.ts";
import type { Foundation, FoundationConfig } from "./foundation.ts";
import { type PluginSet, PluginsError, loadPluginFile, openPlugins } from "./sandbox/index.ts";

export interface PluggedIn {
  readonly plugins: PluginSet;
  /** Warnings. */
  readonly faults: readonly Fault[];
  /** Every file that they consist of. */
  readonly files: readonly string[];
}

/** Rejects with a `PluginsError` where one of them does not load; then none is open. */
export async function plugIn(
  loaded: FoundationConfig,
  { ports, plugins }: Pick<Foundation, "plugins" | "ports">,
): Promise<PluggedIn> {
  const { pool, host, files } = plugins;
  const opened = await openPlugins({ loaded, ports: { ...ports, files }, pool, host });
  const { faults, watched } = opened;
  if (opened.plugins === undefined) throw new PluginsError(faults, watched);
  return { plugins: opened.plugins, faults, files: watched };
}

/** Whether the files of the config's plugins are still those that run. */
export async function isPluggedIn(
  { config, folder }: FoundationConfig,
  { plugins: running }: PluggedIn,
  { ports, plugins }: Pick<Foundation, "plugins" | "ports">,
): Promise<boolean> {
  const { files } = plugins;
  const hashes = await Promise.all(
    config.plugins.map(async ({ use }) => {
      const { code } = await loadPluginFile({ use, folder }, { ...ports, files });
      return code?.sha256;
    }),
  );
  const now = running.all.map(({ sha256 }) => sha256);
  return hashes.length === now.length && hashes.every((hash, index) => hash === now[index]);
}
