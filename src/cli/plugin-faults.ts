/** What `check` says of plugins: they are loaded in the sandbox, and asked nothing. */
import type { Fault, LoadedConfig } from "../config/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { createPluginPool, loadPlugins } from "../sandbox/index.ts";

export type PluginRuntime = Pick<Runtime, "clock" | "config" | "crypto" | "log" | "threads">;

export async function pluginFaults(
  loaded: LoadedConfig,
  runtime: PluginRuntime,
): Promise<readonly Fault[]> {
  if (loaded.config.plugins.length === 0) return [];
  const pool = createPluginPool(runtime, { threads: 1 });
  try {
    const ports = { ...runtime, files: runtime.config };
    return (await loadPlugins({ loaded, ports, inspect: pool.inspect })).faults;
  } finally {
    pool.close();
  }
}
