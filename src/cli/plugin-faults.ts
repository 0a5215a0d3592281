/** What `check` says of plugins: they are loaded and set up in the sandbox, and asked nothing. */
import type { Fault, LoadedConfig } from "../config/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { type Host, createPluginPool, openPlugins } from "../sandbox/index.ts";

export type PluginRuntime = Pick<Runtime, "clock" | "config" | "crypto" | "log" | "threads">;

export async function pluginFaults(
  loaded: LoadedConfig,
  runtime: PluginRuntime,
): Promise<readonly Fault[]> {
  if (loaded.config.plugins.length === 0) return [];
  const pool = createPluginPool(runtime, { threads: 1 });
  try {
    const ports = { ...runtime, files: runtime.config };
    const { plugins, faults } = await openPlugins({ loaded, ports, pool, host: noHost });
    await plugins?.close();
    return faults;
  } finally {
    pool.close();
  }
}

/** Nobody is asked anything, so nobody asks for anything. */
const noHost: Host = {
  forPlugin: () => ({
    forCall: () => async () => ({ fault: "There is no call" }),
    counts: () => new Map(),
  }),
};
