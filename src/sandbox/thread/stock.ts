/** The instances of one plugin: each serves one call at a time, and more are made while calls wait. */
import type { FailureCode, Instance, LoadFault } from "../face.ts";
import type { ThreadPorts } from "./messages.ts";

/** Why a call gets no instance. */
export interface Lack {
  readonly code: FailureCode;
  readonly why: string;
}
export interface Stock {
  /** At once where an instance is free. */
  readonly take: (patienceMs: number) => Instance | Promise<Instance | Lack>;
  /** Every instance that was taken comes back once; a broken one gives way to a new one. */
  readonly give: (instance: Instance) => void;
  /** Takes back one whose call never came to an end. */
  readonly discard: (instance: Instance) => void;
  readonly drop: () => void;
}
export interface StockSettings {
  readonly first: Instance;
  readonly open: () => Promise<Instance | LoadFault>;
  readonly maxInstances: number;
  /** A broken instance was made anew. */
  readonly reopened: () => void;
  readonly after: ThreadPorts["after"];
}

const maxWaiting = 1000;

export function createStock(settings: StockSettings): Stock {
  const { open, maxInstances, reopened, after } = settings;
  const free: Instance[] = [settings.first];
  const waiting: ((got: Instance | Lack) => void)[] = [];
  /** Those being made included. */
  let count = 1;
  let making = 0;
  /** Broken ones that were not made anew yet. */
  let owed = 0;
  let isDropped = false;

  const make = async (): Promise<void> => {
    count++;
    making++;
    const made = await open();
    making--;
    if ("fault" in made) {
      count--;
      // Whoever waits has other instances to wait for, or none.
      if (count === 0) {
        for (const settle of waiting.splice(0)) settle({ code: "load_error", why: made.fault });
      }
      return;
    }
    if (owed > 0) {
      owed--;
      reopened();
    }
    give(made);
  };

  const discard = (instance: Instance): void => {
    instance.drop();
    count--;
    if (isDropped) return;
    owed++;
    if (count === 0 || waiting.length > making) void make();
  };

  const give = (instance: Instance): void => {
    if (isDropped || !instance.isGood()) return discard(instance);
    const next = waiting.shift();
    if (next === undefined) free.push(instance);
    else next(instance);
  };

  const wait = (patienceMs: number): Promise<Instance | Lack> =>
    new Promise((resolve) => {
      const settle = (got: Instance | Lack): void => {
        timer.cancel();
        resolve(got);
      };
      const timer = after(patienceMs, () => {
        const at = waiting.indexOf(settle);
        if (at !== -1) waiting.splice(at, 1);
        resolve({ code: "wall_timeout", why: "All instances of the plugin were busy" });
      });
      waiting.push(settle);
      if (count < maxInstances && making < waiting.length) void make();
    });

  return {
    take: (patienceMs) => {
      const instance = free.pop();
      if (instance !== undefined) return instance;
      if (isDropped) return lack("load_error", "The plugin is closed");
      if (waiting.length >= maxWaiting) return lack("wall_timeout", "Too many calls wait");
      return wait(patienceMs);
    },
    give,
    discard,
    drop: () => {
      isDropped = true;
      for (const instance of free.splice(0)) discard(instance);
      for (const settle of waiting.splice(0)) {
        settle({ code: "load_error", why: "The plugin is closed" });
      }
    },
  };
}

function lack(code: FailureCode, why: string): Promise<Lack> {
  return Promise.resolve({ code, why });
}
