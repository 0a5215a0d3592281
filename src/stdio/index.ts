/** The gateway on a pipe: lines in, requests to its HTTP face, lines out. */
export { relay } from "./relay.ts";
export type { RelaySettings } from "./relay.ts";
