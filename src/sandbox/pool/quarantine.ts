/** Keeps a plugin that fails out of calls for a while; one that takes threads down is kept out for good. */
import type { Clock, Log } from "../../core/index.ts";
import type { FailureCode, Hook } from "../face.ts";
import { toSafeLine } from "./guest-log.ts";

export type QuarantineState = "none" | "quarantined" | "probing" | "locked";

/** How a call may go in, if it may. */
export type Entry = "free" | "probe";
export interface Quarantine {
  /** Undefined where the plugin is not entered. A `probe` must be concluded, or given back. */
  readonly enter: () => Entry | undefined;
  readonly succeeded: (entry: Entry) => void;
  readonly failed: (entry: Entry, code: FailureCode, why: string) => void;
  /** The call never came to the plugin. */
  readonly giveBack: (entry: Entry) => void;
}
/** Of one plugin. */
export interface Quarantines {
  /**
   * Each client has one of its own: else whoever finds what makes a plugin fail could have it kept
   * from all the others. So has what is only told to a plugin, which decides nothing.
   */
  readonly of: (client: string, hook: Hook) => Quarantine;
  /** The plugin's call took its thread down. */
  readonly lostThread: () => void;
  /** The worst one. */
  readonly state: () => QuarantineState;
  /** How many clients it is shut for at this moment. */
  readonly shutFor: () => number;
}

const maxFailures = 5;
const windowMs = 60_000;
const pauseMs = 30_000;
const maxLost = 3;
const maxWhy = 200;

/** Brought about by what was sent, and no sign that the plugin is ill. */
const ofTheInput: ReadonlySet<FailureCode> = new Set(["input_too_large", "input_unreadable"]);

interface QuarantinePorts {
  readonly clock: Clock;
  readonly log: Log;
}

/** Clients are those of the config, so there are no more of these than that has names. */
export function createQuarantines(name: string, ports: QuarantinePorts): Quarantines {
  const all = new Map<string, OneQuarantine>();
  let lost = 0;
  const isLocked = (): boolean => lost >= maxLost;

  return {
    of: (client, hook) => {
      const key = `${hook === "onAudit" ? "told" : "asked"} ${client}`;
      const known = all.get(key) ?? createQuarantine(name, client, isLocked, ports);
      all.set(key, known);
      return known;
    },
    lostThread: () => {
      lost++;
      if (lost !== maxLost) return;
      const message = `Plugin "${name}" took down ${lost} threads and stays out until it is loaded anew`;
      ports.log.error(message, { plugin: name });
    },
    state: () => {
      if (isLocked()) return "locked";
      const states = new Set([...all.values()].map((one) => one.state()));
      return (["quarantined", "probing"] as const).find((one) => states.has(one)) ?? "none";
    },
    shutFor: () => {
      const shut = [...all.values()].filter((one) => one.isShut());
      return new Set(shut.map(({ client }) => client)).size;
    },
  };
}

interface OneQuarantine extends Quarantine {
  readonly client: string;
  /** Whether the next call is kept out. */
  readonly isShut: () => boolean;
  readonly state: () => Exclude<QuarantineState, "locked">;
}

function createQuarantine(
  name: string,
  client: string,
  isLocked: () => boolean,
  { clock, log }: QuarantinePorts,
): OneQuarantine {
  let state: ReturnType<OneQuarantine["state"]> = "none";
  let failures: readonly number[] = [];
  let until = 0;

  const shut = (): void => {
    state = "quarantined";
    until = clock.elapsed() + pauseMs;
    failures = [];
  };
  const isShut = (): boolean =>
    state === "probing" || (state === "quarantined" && clock.elapsed() < until);

  return {
    client,
    isShut,
    enter: () => {
      if (isLocked() || isShut()) return undefined;
      if (state === "none") return "free";
      state = "probing";
      return "probe";
    },
    succeeded: (entry) => {
      if (entry !== "probe" || state !== "probing") return;
      state = "none";
      log.info(`Plugin "${name}" answers again and is entered again`, { plugin: name, client });
    },
    failed: (entry, code, why) => {
      if (entry === "probe") {
        if (state === "probing") shut();
        return;
      }
      if (state !== "none" || ofTheInput.has(code)) return;
      const now = clock.elapsed();
      failures = [...failures.filter((at) => now - at < windowMs), now];
      if (failures.length < maxFailures) return;
      shut();
      log.warn(
        `Plugin "${name}" failed ${maxFailures} times within ${windowMs / 1000} s and is not entered for ${pauseMs / 1000} s`,
        { plugin: name, client, code, why: toSafeLine(why, maxWhy) },
      );
    },
    giveBack: (entry) => {
      if (entry === "probe" && state === "probing") state = "quarantined";
    },
    state: () => state,
  };
}
