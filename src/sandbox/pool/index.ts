export { createPluginPool } from "./pool.ts";
export type { OpenFault, PluginPool, PoolPorts, PoolSettings } from "./pool.ts";
export type { PluginSet } from "./plugin-set.ts";
export type { Meter, PluginSpec, PluginStats } from "./entry.ts";
export type { HookStats } from "./counters.ts";
export type { ThreadStats } from "./crew.ts";
