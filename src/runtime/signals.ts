/** Signals: those of the system, and in a worker those that its supervisor hands on. */
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import type { SignalName } from "./runtime.ts";

export interface Signals {
  readonly on: (name: SignalName, act: () => void) => void;
  /** The supervisor's. */
  readonly hand: (name: SignalName) => void;
}

type System = Pick<NodeJS.EventEmitter, "on">;

/**
 * `system` is the process; tests give another. To a thread Deno tells the signals of the process as
 * well, and they are its supervisor's alone.
 */
export function createSignals(system: System | undefined = ownSystem()): Signals {
  const handed = new Map<SignalName, () => void>();
  /** Handed on while this worker was still starting. */
  const waiting = new Set<SignalName>();
  return {
    on: (name, act) => {
      const count = { system: 0, handed: 0 };
      let acted = 0;
      // A terminal or a service manager signals the whole group, and the supervisor hands its own
      // on: both are one wish to end. A reload that is done twice harms nobody, and none is lost.
      const from = (source: keyof typeof count) => () => {
        count[source] += 1;
        if (name !== "SIGHUP" && count[source] <= acted) return;
        acted = count[source];
        act();
      };
      system?.on(name, from("system"));
      handed.set(name, from("handed"));
      if (waiting.delete(name)) handed.get(name)?.();
    },
    hand: (name) => {
      const act = handed.get(name);
      if (act === undefined) waiting.add(name);
      else act();
    },
  };
}

function ownSystem(): System | undefined {
  return isMainThread ? process : undefined;
}
