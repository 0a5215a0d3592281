/** The instances of one plugin: each serves one call at a time, and more are made while calls wait. */
import type { FailureCode, Instance } from "../face.ts";
import type { ThreadPorts } from "./messages.ts";

/** Why a call gets no instance. */
export interface Lack {
  readonly code: FailureCode;
  readonly why: string;
}
export interface Stock {
  /** At once where an instance is free. */
  readonly take: (patienceMs: number) => Instance | Lack | Promise<Instance | Lack>;
  /** Every instance that was taken comes back once; a broken one gives way to a new one. */
  readonly give: (instance: Instance) => void;
  /** Takes back one whose call never came to an end. */
  readonly discard: (instance: Instance) => void;
  readonly drop: () => void;
}
export interface StockSettings {
  readonly first: Instance;
  readonly maxInstances: number;
  /** A broken instance was made anew. */
  readonly reopened: () => void;
  readonly after: ThreadPorts["after"];
}

const maxWaiting = 1000;

export function createStock({ first, maxInstances, reopened, after }: StockSettings): Stock {
  const free: Instance[] = [first];
  const waiting: ((got: Instance | Lack) => void)[] = [];
  let count = 1;
  /** Broken ones that were not made anew yet. */
  let owed = 0;
  let isDropped = false;

  const make = (): Instance | Lack => {
    let made: Instance;
    try {
      made = first.twin();
    } catch (error) {
      return { code: "load_error", why: `The engine cannot be started: ${String(error)}` };
    }
    count++;
    if (owed > 0) {
      owed--;
      reopened();
    }
    return made;
  };

  const discard = (instance: Instance): void => {
    instance.drop();
    count--;
    if (isDropped) return;
    owed++;
    waiting.shift()?.(make());
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
    });

  return {
    take: (patienceMs) => {
      const instance = free.pop();
      if (instance !== undefined) return instance;
      if (isDropped) return { code: "load_error", why: "The plugin is closed" };
      if (count < maxInstances) return make();
      if (waiting.length >= maxWaiting) return { code: "wall_timeout", why: "Too many calls wait" };
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
