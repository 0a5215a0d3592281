/** Plugins in QuickJS. */
export * from "./face.ts";
export type * from "./road-face.ts";
export type { HostPlugin, HostPorts } from "./host/acts.ts";
export type { FetchGrant, HostGrants } from "./host/grants.ts";
export { type Host, type PluginHost, createHost } from "./host/host.ts";
export * from "./load/index.ts";
export * from "./pool/index.ts";
export { defaultLimits } from "./engine/limits.ts";
export * from "./fixtures/index.ts";
export { createEngine } from "./engine/create-engine.ts";
