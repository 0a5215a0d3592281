/** The MCP servers behind us. */
export { isPartOf } from "./changes.ts";
export type { Listing } from "./catalogue.ts";
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
