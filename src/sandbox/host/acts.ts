/** What the things a guest may ask for have in common. */
import type { Cancellation, Clock, Crypto, Egress, Log, Seals, Store } from "../../core/index.ts";
import type { HostAnswer } from "../face.ts";
import type { HostGrants } from "./grants.ts";

export interface HostPorts {
  readonly store: Store;
  readonly egress: Pick<Egress, "request">;
  readonly clock: Clock;
  readonly crypto: Pick<Crypto, "sha256" | "randomBytes">;
  readonly log: Log;
  readonly seals: Seals;
  /** Milliseconds since the epoch, the same for all instances: the store's time. */
  readonly sharedNow: () => number;
}
export interface HostPlugin {
  /** Its state is kept under it: no two plugins of a config may have the same. */
  readonly name: string;
  readonly grants: HostGrants;
  /** The most that one thing it asks for may take. */
  readonly wallMs: number;
}

/**
 * `args` is the JSON of an array, if the guest is honest. `signal` says that nobody waits for the
 * answer any more. Rejects where something is wrong with us.
 */
export type Act = (client: string, args: string, signal?: Cancellation) => Promise<HostAnswer>;

/** Told to the guest: the message of what its promise rejects with. */
export interface Fault {
  readonly fault: string;
}

export function isFault(value: object): value is Fault {
  return "fault" in value;
}

export function notGranted(what: "kv" | "fetch"): Act {
  const fault = `${what} is not granted to this plugin: grants.${what} in gateway.config.ts`;
  return () => Promise.resolve({ fault });
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
