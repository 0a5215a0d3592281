/** QuickJS for plugins: metered, in a memory of its own for each, and as new before each call. */
import type { Engine, LoadFault, PluginCode, PluginLimits, PluginTraits } from "../face.ts";
import { captureEngine } from "./capture.ts";
import { createGuest, type Guest, type GuestImage } from "./guest.ts";
import { createInstance } from "./instance.ts";
import { clampLimits } from "./limits.ts";
import { loadPlugin } from "./load.ts";
import type { EnginePorts } from "./ports.ts";

/** Takes some 60 ms; one per thread. Rejects where the installed QuickJS is not the known build. */
export async function createEngine(ports: EnginePorts): Promise<Engine> {
  const engine = await captureEngine(ports);
  /** A guest after its bootstrap, by the size of its stack, which it holds. */
  const images = new Map<number, GuestImage>();
  const spawn = (limits: PluginLimits): Guest => {
    const image = images.get(limits.stackKb);
    const guest = createGuest(engine, limits, ports, image);
    if (image === undefined)
      images.set(limits.stackKb, { places: guest.places, snapshot: guest.core.snapshot() });
    return guest;
  };
  const load = (
    code: PluginCode,
    limits: PluginLimits,
    config?: string,
  ): { readonly guest: Guest; readonly traits: PluginTraits } | LoadFault => {
    try {
      const guest = spawn(limits);
      const traits = loadPlugin(guest, code, limits, config);
      return "fault" in traits ? traits : { guest, traits };
    } catch (error) {
      return { fault: `The engine could not be started: ${String(error)}` };
    }
  };
  return {
    inspect: async (code, given) => {
      const loaded = load(code, clampLimits(given));
      return "fault" in loaded ? loaded : loaded.traits;
    },
    open: async (code, config, given) => {
      const limits = clampLimits(given);
      const loaded = load(code, limits, config);
      if ("fault" in loaded) return loaded;
      const { guest } = loaded;
      const snapshot = guest.core.snapshot();
      const image = { places: guest.places, snapshot };
      guest.core.restore(snapshot);
      return createInstance(guest, {
        limits,
        ports,
        snapshot,
        respawn: () => createGuest(engine, limits, ports, image),
      });
    },
  };
}
