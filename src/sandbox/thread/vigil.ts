/** Keeps an event loop awake for what comes in a moment. */

export interface Vigil {
  /** From now on something is awaited. */
  readonly begin: () => void;
  /** Something has come. */
  readonly end: () => void;
}
export interface VigilPorts {
  /** Milliseconds that only grow. */
  readonly elapsed: () => number;
  /** Acts once the event loop has done what there is to do, without letting it sleep. */
  readonly turn: (act: () => void) => void;
}

/**
 * A thread that sleeps takes 25 to 50 µs to wake, more than most plugins run. So the loop goes on
 * turning, for `momentMs` at most, and does all else meanwhile. Only while one thing comes after the
 * other: a gateway with little to do sleeps, and a thread that turns while it waits for one that
 * sleeps makes that one wake later.
 */
export function createVigil({ elapsed, turn }: VigilPorts, momentMs: number): Vigil {
  let began = -Infinity;
  let ended = -Infinity;
  let until = -Infinity;
  let isSoon = false;
  let isTurning = false;
  const watch = (): void => {
    isTurning = elapsed() < until;
    if (isTurning) turn(watch);
  };
  return {
    begin: () => {
      began = elapsed();
      if (!isSoon || began - ended >= momentMs) return;
      until = began + momentMs;
      if (!isTurning) {
        isTurning = true;
        turn(watch);
      }
    },
    end: () => {
      ended = elapsed();
      isSoon = ended - began < momentMs;
      until = -Infinity;
    },
  };
}
