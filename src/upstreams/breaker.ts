/** Keeps callers from waiting for an upstream that is away, and finds out when it is back. */
import { type Clock, type Failure, type Timer, failure } from "../core/index.ts";

export interface Breaker {
  /** Why nobody is to be kept waiting now; undefined where the upstream may be asked. */
  readonly refusal: () => Failure | undefined;
  /** Nothing of what was sent can have arrived. */
  readonly missed: () => void;
  /** Something came back, whatever it was. */
  readonly reached: () => void;
  readonly close: () => void;
}

/** One lost connection is no absence. */
const MISSES = 3;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Opens after three calls in a row that did not reach the upstream. `probe` then asks whether it is
 * back, less and less often; the first answer lets everybody through again. A call that the upstream
 * took and did not answer says nothing here: a client could bring the others' upstream down with it.
 */
export function createBreaker(clock: Clock, probe: () => Promise<boolean>): Breaker {
  let misses = 0;
  let pauseMs = FIRST_PAUSE_MS;
  let timer: Timer | undefined;
  let isClosed = false;

  function reached(): void {
    misses = 0;
    pauseMs = FIRST_PAUSE_MS;
    timer?.cancel();
    timer = undefined;
  }

  async function look(): Promise<void> {
    const isBack = await probe();
    if (isClosed || timer === undefined) return;
    if (isBack) return reached();
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    wait();
  }

  function wait(): void {
    timer = clock.after(pauseMs, () => void look());
  }

  return {
    refusal: () =>
      timer === undefined
        ? undefined
        : failure(
            "UPSTREAM_UNAVAILABLE",
            "The upstream is away; it is asked again from time to time",
          ),
    missed: () => {
      misses++;
      if (misses >= MISSES && timer === undefined && !isClosed) wait();
    },
    reached,
    close: () => {
      isClosed = true;
      reached();
    },
  };
}
