/** The plugins of one config; a reload opens another set beside it and closes this one. */
import type { LoadedPlugin, Plugins } from "../road-face.ts";
import type { PluginStats, PoolEntry } from "./entry.ts";
import { type RunPorts, runChain } from "./run.ts";

export interface PluginSet extends Plugins {
  readonly stats: () => readonly PluginStats[];
  /** Takes no new calls; settles when those under way have ended, and the plugins are dropped. */
  readonly close: () => Promise<void>;
}
export interface PluginSetSettings {
  readonly entries: readonly PoolEntry[];
  readonly ports: RunPorts;
  readonly drop: (entry: PoolEntry) => void;
}

export function createPluginSet({ entries, ports, drop }: PluginSetSettings): PluginSet {
  const known = new Map<LoadedPlugin, PoolEntry>(entries.map((one) => [one.spec.plugin, one]));
  let chains = 0;
  let closing: Promise<void> | undefined;
  let finish: () => void = () => undefined;

  const end = (): void => {
    for (const entry of entries) drop(entry);
    finish();
  };
  return {
    all: [...known.keys()],
    run: async (steps, about, signal) => {
      if (steps.length === 0) return [];
      const isOpen = closing === undefined;
      const find = ({ plugin }: { readonly plugin: LoadedPlugin }): PoolEntry | undefined =>
        isOpen ? known.get(plugin) : undefined;
      chains++;
      try {
        return await runChain(ports, { steps, about, signal, find });
      } finally {
        chains--;
        if (chains === 0 && closing !== undefined) end();
      }
    },
    stats: () => entries.map((entry) => entry.stats()),
    close: () => {
      if (closing !== undefined) return closing;
      closing = new Promise((resolve) => {
        finish = resolve;
      });
      if (chains === 0) end();
      return closing;
    },
  };
}
