/** A clock that is set by hand and whose timers fire on the way. */
import type { Clock } from "../../src/core/index.ts";

export interface TimerClock extends Clock {
  readonly advance: (ms: number) => void;
  /** Timers that are set. */
  readonly pending: () => number;
}

export function timerClock(): TimerClock {
  let time = Date.parse("2027-01-15T12:00:00Z");
  const timers = new Set<{ readonly at: number; readonly act: () => void }>();
  return {
    now: () => time,
    elapsed: () => time,
    after: (ms, act) => {
      const timer = { at: time + ms, act };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    advance: (ms) => {
      const until = time + ms;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.delete(next);
        time = Math.max(time, next.at);
        next.act();
      }
      time = until;
    },
    pending: () => timers.size,
  };
}

/** Lets everything that is ready to go on do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
