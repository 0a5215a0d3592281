/** How a process tells that it is there, and how another one finds out that it is not. */
import type { Clock } from "../../core/index.ts";

export interface Silence {
  readonly heard: () => void;
  readonly close: () => void;
}

/** After a pause of this process itself the timers come first, and what waits to be read behind them. */
const SECOND_LOOK_MS = 50;

/** Runs `act` once when nothing was heard for `ms`. */
export function openSilence(clock: Clock, ms: number, act: () => void): Silence {
  const firstMs = ms - SECOND_LOOK_MS;
  let isLast = false;
  let last = clock.elapsed();
  let timer = clock.after(firstMs, look);

  function look(): void {
    const restMs = last + firstMs - clock.elapsed();
    if (restMs <= 0 && isLast) return act();
    isLast = restMs <= 0;
    timer = clock.after(isLast ? SECOND_LOOK_MS : restMs, look);
  }

  return {
    heard: () => {
      last = clock.elapsed();
      isLast = false;
    },
    close: () => timer.cancel(),
  };
}

/** Runs `act` every `ms` until what is given back is called. */
export function openBeat(clock: Clock, ms: number, act: () => void): () => void {
  let timer = clock.after(ms, beat);
  function beat(): void {
    timer = clock.after(ms, beat);
    act();
  }
  return () => timer.cancel();
}
