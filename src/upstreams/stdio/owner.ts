/** Whose a process is: who else may find it, and what it may do with its callers. */
import type { StdioUpstreamConfig } from "../../config/index.ts";
import { NOTHING } from "../channel/questions.ts";
import type { LinkCaller } from "../link.ts";

export interface Owner {
  /** Its lists are its callers', as far as they say the same of themselves. */
  readonly scope: string;
  /** A modern server is told with each call what its caller can do. */
  readonly modern: string;
  /** A legacy one is told once. */
  readonly legacy: string;
  /** What it is told then, as JSON text. */
  readonly capabilities: string;
  /** Calls of several callers can meet in it. */
  readonly isShared: boolean;
}

/**
 * A legacy server asks without saying whom it means, so one that may ask is the caller's own, also
 * where `isolate` is "client". One that all clients share may never ask.
 */
export function toOwner(
  isolate: StdioUpstreamConfig["isolate"],
  { client, capabilities }: LinkCaller,
): Owner {
  const own = [client.name, client.subject ?? null];
  const common = isolate === "shared" ? [] : [client.name, client.subject === undefined];
  const modern = isolate === "subject" ? own : common;
  const told = isolate === "shared" ? NOTHING : capabilities;
  const legacy = told === NOTHING ? modern : own;
  return {
    scope: JSON.stringify([...legacy, capabilities]),
    modern: JSON.stringify(["modern", ...modern]),
    legacy: JSON.stringify(["legacy", ...legacy, told]),
    capabilities: told,
    isShared: isolate === "shared" || (isolate === "client" && client.subject !== undefined),
  };
}
