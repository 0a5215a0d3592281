/** The store and the bus that a config asks for. */
import { createMemoryBus } from "./memory-bus.ts";
import { openMemoryStore } from "./memory.ts";
import type { OpenStore, StateChanged, StorePorts, StoreSettings } from "./settings.ts";

/**
 * A Redis that is away is waited for, in the background and without an end: until then the store is
 * lost. Rejects with an `Error`, which names the URL without its password, where waiting would mend
 * nothing: the URL, the user, the password, the database, a permission, a cluster.
 */
export async function openStore(
  settings: StoreSettings,
  ports: StorePorts,
  changed: StateChanged = () => undefined,
): Promise<OpenStore> {
  if (settings !== "memory") {
    // The library takes 60 ms to load, which those who need none of it shall not wait for.
    const { openRedis } = await import("./redis.ts");
    return openRedis(settings, ports, changed);
  }
  const store = openMemoryStore(ports);
  return {
    store,
    bus: createMemoryBus(ports),
    state: () => "up",
    now: ports.clock.now,
    close: store.close,
  };
}
