/** One plugin in the pool. */
import type { Cancellation, Clock, Log } from "../../core/index.ts";
import type { Hook, HookEnd, HostCall, PluginCode, PluginLimits } from "../face.ts";
import type { LoadedPlugin } from "../road-face.ts";
import { type Counters, type HookStats, createCounters } from "./counters.ts";
import { type WriteGuestLogs, createGuestLog } from "./guest-log.ts";
import { type QuarantineState, type Quarantines, createQuarantines } from "./quarantine.ts";

/** Hears of each call of one plugin when it has ended, also of those that it was kept out of. */
export type Meter = (hook: Hook, end: HookEnd) => void;

/** What the pool is given of a plugin. */
export interface PluginSpec {
  readonly plugin: LoadedPlugin;
  readonly code: PluginCode;
  /** JSON. */
  readonly config: string;
  readonly limits: PluginLimits;
  /** What it may ask of the host in one client's name, until nobody waits for it any more. */
  readonly host: (client: string, signal: Cancellation) => HostCall;
  readonly meter?: Meter | undefined;
}
export interface PluginStats {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
  readonly mode: "enforce" | "shadow";
  readonly onError: "deny" | "allow";
  readonly quarantine: QuarantineState;
  /** For how many clients it is not entered; one that is `locked` is entered for none. */
  readonly quarantinedFor: number;
  /** Broken instances that were made anew. */
  readonly reopened: number;
  /** Threads that it took down. */
  readonly lostThreads: number;
  readonly hooks: readonly HookStats[];
}

export interface PoolEntry {
  /** What threads know it by. */
  readonly number: number;
  readonly spec: PluginSpec;
  readonly quarantines: Quarantines;
  readonly counters: Counters;
  readonly writeLogs: WriteGuestLogs;
  readonly reopened: () => void;
  readonly lostThread: () => void;
  readonly stats: () => PluginStats;
}

export function createEntry(
  number: number,
  spec: PluginSpec,
  ports: { readonly clock: Clock; readonly log: Log },
): PoolEntry {
  const { name, version, file, sha256, mode, onError } = spec.plugin;
  const quarantines = createQuarantines(name, ports);
  const counters = createCounters();
  let reopened = 0;
  let lostThreads = 0;
  return {
    number,
    spec,
    quarantines,
    counters,
    writeLogs: createGuestLog(name, ports),
    reopened: () => void reopened++,
    lostThread: () => {
      lostThreads++;
      quarantines.lostThread();
    },
    stats: () => ({
      name,
      version,
      file,
      sha256,
      mode,
      onError,
      quarantine: quarantines.state(),
      quarantinedFor: quarantines.shutFor(),
      reopened,
      lostThreads,
      hooks: counters.stats(),
    }),
  };
}
