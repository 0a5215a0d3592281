/** The plugins' threads, as many as there shall be; one that is lost is made up for. */
import type { Clock, Log, Threads } from "../../core/index.ts";
import { type Link, type Loss, openLink } from "./link.ts";

export interface ThreadStats {
  readonly live: number;
  /** Since the pool was made. */
  readonly started: number;
  readonly lost: number;
  /** Lost ones that the runtime could not end: each keeps a core busy until the program ends. */
  readonly zombies: number;
}
export interface Crew {
  /** All of them; those that are missing are started. */
  readonly gather: () => readonly Link[];
  /** The one with the least to do; undefined where there is none just now. */
  readonly pick: () => Link | undefined;
  readonly live: () => readonly Link[];
  readonly dismiss: () => void;
  readonly stats: () => ThreadStats;
}
export interface CrewSettings {
  readonly threads: Threads;
  readonly clock: Clock;
  readonly log: Log;
  readonly size: number;
  readonly reopened: (plugin: number) => void;
  readonly lost: (loss: Loss) => void;
  /** Gives a new thread the plugins that are open. */
  readonly equip: (link: Link) => void;
}

/** After one that did not even start: what keeps it from starting is not gone a moment later. */
const pauseMs = 1_000;

export function createCrew(settings: CrewSettings): Crew {
  const { threads, clock, log, size, reopened, lost, equip } = settings;
  const links = new Set<Link>();
  const counts = { started: 0, lost: 0, zombies: 0 };
  let pausedUntil = 0;
  let isAtWork = false;

  const start = (): Link => {
    const link = openLink({
      threads,
      clock,
      reopened,
      lost: (loss) => {
        links.delete(link);
        counts.lost++;
        if (loss.isStuck && !threads.endsBusy) counts.zombies++;
        log.error("A thread of plugins is lost", { why: loss.why, zombies: counts.zombies });
        lost(loss);
        if (!link.isReady()) pausedUntil = clock.elapsed() + pauseMs;
        else if (isAtWork) equip(start());
      },
    });
    links.add(link);
    counts.started++;
    return link;
  };

  return {
    gather: () => {
      isAtWork = true;
      while (links.size < size) equip(start());
      return [...links];
    },
    pick: () => {
      if (links.size === 0 && isAtWork && clock.elapsed() >= pausedUntil) equip(start());
      let best: Link | undefined;
      for (const link of links) {
        if (best === undefined || link.load() < best.load()) best = link;
      }
      return best;
    },
    live: () => [...links],
    dismiss: () => {
      isAtWork = false;
      for (const link of links) link.end();
      links.clear();
    },
    stats: () => ({ live: links.size, ...counts }),
  };
}

/** One thread has the second core to itself while the program has the first. */
export function toCrewSize(cores: number): number {
  return Math.max(1, Math.min(4, cores - 1));
}
