/** The machine's time. */
import type { Clock } from "../core/index.ts";

export function createClock(): Clock {
  return {
    now: () => Date.now(),
    elapsed: () => performance.now(),
    after: (ms, act) => {
      const timer = setTimeout(act, ms);
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
