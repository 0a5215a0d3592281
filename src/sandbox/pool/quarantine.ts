/** Keeps a plugin that fails out of its calls for a while; whoever caused too much is kept out for good. */
import type { Clock, Log } from "../../core/index.ts";
import type { FailureCode } from "../face.ts";
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
  /** The plugin's call took its thread down. */
  readonly lostThread: () => void;
  readonly state: () => QuarantineState;
}

const maxFailures = 5;
const windowMs = 60_000;
const pauseMs = 30_000;
const maxLost = 3;
const maxWhy = 200;

/**
 * What a client can bring about by what it sends is no sign that the plugin is ill: else one of them
 * could have it kept from all the others.
 */
const ofTheInput: ReadonlySet<FailureCode> = new Set(["input_too_large", "input_unreadable"]);

export function createQuarantine(
  name: string,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Quarantine {
  let state: QuarantineState = "none";
  let failures: readonly number[] = [];
  let until = 0;
  let lost = 0;

  const shut = (): void => {
    state = "quarantined";
    until = clock.elapsed() + pauseMs;
    failures = [];
  };

  return {
    enter: () => {
      if (state === "none") return "free";
      if (state !== "quarantined" || clock.elapsed() < until) return undefined;
      state = "probing";
      return "probe";
    },
    succeeded: (entry) => {
      if (entry !== "probe" || state !== "probing") return;
      state = "none";
      log.info(`Plugin "${name}" answers again and is entered again`, { plugin: name });
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
        { plugin: name, code, why: toSafeLine(why, maxWhy) },
      );
    },
    giveBack: (entry) => {
      if (entry === "probe" && state === "probing") state = "quarantined";
    },
    lostThread: () => {
      lost++;
      if (lost < maxLost || state === "locked") return;
      state = "locked";
      log.error(
        `Plugin "${name}" took down ${lost} threads and stays out until it is loaded anew`,
        {
          plugin: name,
        },
      );
    },
    state: () => state,
  };
}
