/** What time it is at the store: the same for all instances, whatever their own clocks say. */
import type { Redis } from "ioredis";
import type { Ports } from "../core/index.ts";

export interface StoreClock {
  /** A connection that is new asks for the time. */
  readonly greet: (redis: Redis) => Promise<void>;
  /** Milliseconds since the epoch; of this machine's clock while the store was never reached. */
  readonly now: () => number;
}

/** Records are put side by side by their times, and signed tokens end by them. */
const apartMs = 5_000;

export function createStoreClock({ clock, log }: Pick<Ports, "clock" | "log">): StoreClock {
  let read: { readonly time: number; readonly elapsed: number } | undefined;
  return {
    greet: async (redis) => {
      // Who may not ask does not know; that is no reason to do without the store.
      const time = await readTime(redis).catch(() => undefined);
      if (time === undefined) return;
      read = { time, elapsed: clock.elapsed() };
      const ahead = clock.now() - time;
      if (Math.abs(ahead) <= apartMs) return;
      log.warn("The clock of this machine and the one of the store differ", {
        seconds: Math.round(ahead / 1_000),
      });
    },
    // Not moved by somebody who sets the machine's clock meanwhile.
    now: () =>
      read === undefined ? clock.now() : Math.round(read.time + clock.elapsed() - read.elapsed),
  };
}

async function readTime(redis: Redis): Promise<number | undefined> {
  const [seconds, micros] = await redis.time();
  const time = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  return Number.isSafeInteger(time) ? time : undefined;
}
