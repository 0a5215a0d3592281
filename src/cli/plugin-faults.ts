/** What `check` says of plugins: they are loaded and set up in the sandbox, and asked nothing. */
import type { Fault, LoadedConfig } from "../config/index.ts";
import { type Host, openPlugins } from "../sandbox/index.ts";
import { type PoolRuntime, withPool } from "./plugin-load.ts";

export async function pluginFaults(
  loaded: LoadedConfig,
  runtime: PoolRuntime,
): Promise<readonly Fault[]> {
  if (loaded.config.plugins.length === 0) return [];
  return withPool(runtime, runtime.log, async (pool) => {
    const ports = { ...runtime, files: runtime.config };
    const { plugins, faults } = await openPlugins({ loaded, ports, pool, host: noHost });
    await plugins?.close();
    return faults;
  });
}

/** Nobody is asked anything, so nobody asks for anything. */
const noHost: Host = {
  forPlugin: () => ({
    forCall: () => async () => ({ fault: "There is no call" }),
  }),
};
