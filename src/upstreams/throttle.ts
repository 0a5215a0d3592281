/** Keeps what is asked for again and again from being done all the time. */
import type { Clock, Timer } from "../core/index.ts";

export interface Throttle {
  /** Acts at once, or as soon as the pause behind the last act under `key` is over. */
  readonly run: (key: string, act: () => void) => void;
  /** Does what waits. */
  readonly close: () => void;
}

interface Pause {
  readonly timer: Timer;
  /** What was asked for last. */
  next: (() => void) | undefined;
}

export function createThrottle(clock: Clock, pauseMs: number): Throttle {
  const pauses = new Map<string, Pause>();

  function run(key: string, act: () => void): void {
    const pause = pauses.get(key);
    if (pause !== undefined) {
      pause.next = act;
      return;
    }
    pauses.set(key, { timer: clock.after(pauseMs, () => end(key)), next: undefined });
    act();
  }

  function end(key: string): void {
    const next = pauses.get(key)?.next;
    pauses.delete(key);
    if (next !== undefined) run(key, next);
  }

  return {
    run,
    close: () => {
      const waiting = [...pauses.values()];
      pauses.clear();
      for (const { timer, next } of waiting) {
        timer.cancel();
        next?.();
      }
    },
  };
}
