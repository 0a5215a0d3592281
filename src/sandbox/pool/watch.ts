/** Sees whether a thread still does anything, while something is expected of it. */
import type { Clock } from "../../core/index.ts";
import { readPulse } from "../thread/pulse.ts";

export interface WatchSettings {
  readonly clock: Pick<Clock, "elapsed" | "after">;
  readonly pulse: SharedArrayBuffer;
  readonly isExpected: () => boolean;
  readonly isReady: () => boolean;
  /** How many orders it was sent. */
  readonly sent: () => number;
  /** Once; with the plugin that hangs, where one does. */
  readonly lost: (why: string, plugin: number | undefined) => void;
}
export interface Watch {
  /** Something is expected. */
  readonly begin: () => void;
  readonly end: () => void;
}

const everyMs = 50;
/** Above what the guest may take for the turn. */
const graceMs = 250;
/** Outside of guests no order takes long. */
const stallMs = 2_000;
const startMs = 30_000;

export function createWatch(settings: WatchSettings): Watch {
  const { clock, isExpected, isReady, sent, lost } = settings;
  let timer: { readonly cancel: () => void } | undefined;
  let isOver = false;
  let seen = "";
  let at = 0;
  /** Only while this side was awake itself: a machine that slept did not lose its threads. */
  let stillMs = 0;

  const look = (): void => {
    timer = undefined;
    if (isOver || !isExpected()) return;
    const pulse = readPulse(settings.pulse);
    const { turn, taken, isInGuest, plugin } = pulse;
    const now = `${turn} ${taken} ${isReady()}`;
    stillMs = now === seen ? stillMs + Math.min(clock.elapsed() - at, 2 * everyMs) : 0;
    seen = now;
    at = clock.elapsed();
    if (!isReady() && stillMs > startMs) return give("It does not start", undefined);
    if (isReady() && isInGuest && stillMs > pulse.budgetMs + graceMs) {
      return give("A hook does not end", plugin);
    }
    if (isReady() && !isInGuest && taken < sent() && stillMs > stallMs) {
      return give("It does not answer", undefined);
    }
    arm();
  };
  const give = (why: string, plugin: number | undefined): void => {
    isOver = true;
    lost(why, plugin);
  };
  const arm = (): void => {
    timer = clock.after(everyMs, look);
  };

  return {
    begin: () => {
      if (isOver || timer !== undefined) return;
      seen = "";
      at = clock.elapsed();
      arm();
    },
    end: () => {
      isOver = true;
      timer?.cancel();
    },
  };
}
