/** The MCP servers behind us. */
export { isPartOf } from "./changes.ts";
export type { Listing, Quarantined } from "./catalogue.ts";
export {
  type CleanTool,
  type Definition,
  type Flag,
  type Integrity,
  type IntegrityEvent,
  type Lock,
  type LockContent,
  type LockFile,
  type LockedPlugins,
  type LockedTools,
  type PluginFile,
  createFindRenamed,
  createFlagger,
  definitionOf,
  emptyContent,
  flagTexts,
  judgePlugin,
  openIntegrity,
  parseLock,
  toDefinition,
  toFlagText,
  toLockFault,
  toLockText,
  toPluginKey,
} from "./integrity/index.ts";
export type { ListedItem } from "./items.ts";
export type { ListChange, ListenWish, ServerFacts, UpstreamCaller } from "./link.ts";
export { type NameCandidate, type Names, type UriCandidate, createNames } from "./names.ts";
export type {
  Discovered,
  Upstream,
  UpstreamChange,
  UpstreamRequest,
  UpstreamStatus,
} from "./face.ts";
export type { UpstreamPorts, UpstreamsAbout } from "./open-upstream.ts";
export {
  type UpstreamGrants,
  type UpstreamPool,
  type Upstreams,
  createUpstreamPool,
} from "./pool.ts";
