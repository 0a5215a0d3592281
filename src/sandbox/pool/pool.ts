/** Runs plugins in threads: the threads, what is open in them, and who may be entered. */
import type { Clock, Crypto, Log, Threads } from "../../core/index.ts";
import type { LoadFault, PluginCode, PluginLimits, PluginTraits } from "../face.ts";
import type { Stripped } from "../load/strip.ts";
import { type Crew, type ThreadStats, createCrew, toCrewSize } from "./crew.ts";
import { type PluginSpec, type PoolEntry, createEntry } from "./entry.ts";
import type { Link, Loss } from "./link.ts";
import { type PluginSet, createPluginSet } from "./plugin-set.ts";
import { createReader } from "./reader.ts";

export interface PoolPorts {
  readonly threads: Threads;
  readonly clock: Clock;
  readonly log: Log;
  readonly crypto: Pick<Crypto, "sha256">;
}
export interface PoolSettings {
  /** Default: one on two cores, else one less than there are cores, and no more than four. */
  readonly threads?: number;
}
/** Which one does not open, and why. */
export interface OpenFault extends LoadFault {
  readonly file: string;
}
export interface PluginPool {
  readonly inspect: (code: PluginCode, limits: PluginLimits) => Promise<PluginTraits | LoadFault>;
  /** TypeScript as JavaScript; it holds up nobody, and ends with any text. */
  readonly strip: (source: string) => Promise<Stripped>;
  /** All of them, or none: then every fault. */
  readonly open: (specs: readonly PluginSpec[]) => Promise<PluginSet | readonly OpenFault[]>;
  readonly stats: () => ThreadStats;
  /** At once: calls under way fail. */
  readonly close: () => void;
}

/** No thread runs while no plugin is open. */
export function createPluginPool(ports: PoolPorts, settings: PoolSettings = {}): PluginPool {
  const { clock, log } = ports;
  const entries = new Map<number, PoolEntry>();
  let ids = 0;
  let numbers = 0;
  let isClosed = false;
  /** What needs threads and is no open plugin. */
  let guests = 0;
  let resting: { readonly cancel: () => void } | undefined;

  const nextId = (): number => ++ids;
  const crew: Crew = createCrew({
    ...ports,
    size: settings.threads ?? toCrewSize(ports.threads.cores),
    reopened: (plugin) => entries.get(plugin)?.reopened(),
    lost: ({ plugin }: Loss) => entries.get(plugin ?? 0)?.lostThread(),
    equip: (link) => {
      for (const entry of entries.values()) void equip(link, entry);
    },
  });

  const openOn = (
    link: Link,
    { number: plugin, spec }: PoolEntry,
  ): Promise<LoadFault | undefined> =>
    ask<LoadFault | undefined>(link, spec.limits, (settle) => {
      const { code, config, limits } = spec;
      link.order(
        { type: "open", id: nextId(), plugin, code, config, limits },
        {
          ended: (report) => settle(report.type === "opened" ? report.fault : unanswered),
          lost: (loss) => settle(toFault(loss)),
        },
      );
    });
  const ask = <T>(
    link: Link,
    { loadMs }: PluginLimits,
    start: (settle: (said: T | LoadFault) => void) => void,
  ): Promise<T | LoadFault> =>
    new Promise((resolve) => {
      const ms = loadMs + (link.isReady() ? answerMs : startMs);
      const timer = clock.after(ms, () => resolve(unanswered));
      start((said) => {
        timer.cancel();
        resolve(said);
      });
    });
  const equip = async (link: Link, entry: PoolEntry): Promise<void> => {
    const fault = await openOn(link, entry);
    if (fault === undefined) return;
    const { name } = entry.spec.plugin;
    log.error(`Plugin "${name}" did not open in a new thread`, { plugin: name, why: fault.fault });
  };

  const drop = (entry: PoolEntry): void => {
    entries.delete(entry.number);
    for (const link of crew.live()) link.tell({ type: "drop", plugin: entry.number });
    rest();
  };
  /** Who looks at a plugin mostly opens it next, and a thread takes a while to start. */
  const rest = (): void => {
    resting?.cancel();
    if (entries.size > 0 || guests > 0 || crew.live().length === 0) return;
    resting = clock.after(idleMs, () => {
      if (entries.size === 0 && guests === 0) crew.dismiss();
    });
  };

  const openOne = async (spec: PluginSpec): Promise<PoolEntry | LoadFault> => {
    if (isClosed) return closed;
    const entry = createEntry(++numbers, spec, ports);
    const links = crew.gather();
    entries.set(entry.number, entry);
    const faults = await Promise.all(links.map((link) => openOn(link, entry)));
    const fault = isClosed ? closed : faults.find((one) => one !== undefined);
    if (fault === undefined) return entry;
    drop(entry);
    return fault;
  };

  /** Keeps the threads while it is at work. */
  const asGuest = async <T>(work: () => Promise<T>): Promise<T> => {
    guests++;
    const done = await work();
    guests--;
    rest();
    return done;
  };

  const reader = createReader(ports);

  return {
    strip: reader.strip,
    inspect: (code, limits) =>
      asGuest(async () => {
        if (isClosed) return closed;
        const link = crew.gather()[0];
        if (link === undefined) return unanswered;
        return ask<PluginTraits>(link, limits, (settle) => {
          link.order(
            { type: "inspect", id: nextId(), code, limits },
            {
              ended: (report) => settle(report.type === "inspected" ? report.said : unanswered),
              lost: (loss) => settle(toFault(loss)),
            },
          );
        });
      }),
    open: (specs) =>
      asGuest(async () => {
        const opened: PoolEntry[] = [];
        const faults: OpenFault[] = [];
        for (const spec of specs) {
          // oxlint-disable-next-line no-await-in-loop -- else nobody could say which one hangs
          const entry = await openOne(spec);
          if ("fault" in entry) faults.push({ ...entry, file: spec.plugin.file });
          else opened.push(entry);
        }
        if (faults.length > 0) {
          for (const entry of opened) drop(entry);
          return faults;
        }
        return createPluginSet({ entries: opened, ports: { ...ports, crew, nextId }, drop });
      }),
    stats: crew.stats,
    close: () => {
      isClosed = true;
      resting?.cancel();
      reader.close();
      entries.clear();
      crew.dismiss();
    },
  };
}

const idleMs = 1_000;
const startMs = 30_000;
const answerMs = 10_000;
const closed: LoadFault = { fault: "The gateway is closing" };
const unanswered: LoadFault = { fault: "The plugins' thread does not answer" };

function toFault({ why }: Loss): LoadFault {
  return { fault: `The plugins' thread is lost: ${why}` };
}
