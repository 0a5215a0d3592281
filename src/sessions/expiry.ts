/** Things that end when nobody has touched them for a fixed time, with one timer for all of them. */
import type { Clock, Timer } from "../core/index.ts";

export interface Expiry<T> {
  /** Its time begins anew. */
  readonly touch: (item: T) => void;
  readonly drop: (item: T) => void;
  readonly entries: () => number;
}

/** All have the same time, so the one that was touched first is due first. No items, no timer. */
export function createExpiry<T>(clock: Clock, ttlMs: number, expire: (item: T) => void): Expiry<T> {
  const dueAt = new Map<T, number>();
  let timer: Timer | undefined;

  const arm = (): void => {
    const [first] = dueAt.values();
    if (first === undefined || timer !== undefined) return;
    timer = clock.after(Math.max(0, first - clock.elapsed()), sweep);
  };
  const sweep = (): void => {
    timer = undefined;
    const now = clock.elapsed();
    for (const [item, due] of dueAt) {
      if (due > now) break;
      dueAt.delete(item);
      expire(item);
    }
    arm();
  };

  return {
    touch: (item) => {
      dueAt.delete(item);
      dueAt.set(item, clock.elapsed() + ttlMs);
      arm();
    },
    drop: (item) => {
      dueAt.delete(item);
      if (dueAt.size > 0) return;
      timer?.cancel();
      timer = undefined;
    },
    entries: () => dueAt.size,
  };
}
