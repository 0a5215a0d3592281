/** Tells when files have changed, and have stayed so. */
import type { Clock, Log, Timer } from "./core/index.ts";

export interface FollowFilesSettings {
  /** What a file is now, as `Runtime.fingerprint` gives it. */
  readonly fingerprint: (path: string) => Promise<string>;
  readonly clock: Pick<Clock, "after">;
  readonly log: Pick<Log, "error">;
  /** Called once for all that changed together, and never while it is still at work. */
  readonly act: () => void | Promise<void>;
  /** From the end of one look to the next. Default: 1,000. */
  readonly pollMs?: number;
}
export interface FollowedFiles {
  /** Follows these instead. What changed before one of them was named is not told. */
  readonly set: (paths: readonly string[]) => void;
  readonly close: () => void;
}

/** By path. */
type Prints = ReadonlyMap<string, string>;

/**
 * Looks at the files again and again: what a system tells of changes by itself (`fs.watch`) names
 * the old file after a link was swapped, and is silent on network folders. A change counts when a
 * second look finds the same, so that a file half written is not read; one that came and went
 * between two looks is none.
 */
export function followFiles(settings: FollowFilesSettings): FollowedFiles {
  const { fingerprint, clock, log, act, pollMs = 1_000 } = settings;
  /** As each file was when it was named, or when `act` was called last. */
  let known = new Map<string, string>();
  let paths: ReadonlySet<string> = new Set();
  let before: Prints = new Map();
  let timer: Timer | undefined;
  let isClosed = false;

  const learn = (path: string, print: string): void => {
    if (paths.has(path) && !known.has(path)) known.set(path, print);
  };
  const look = async (): Promise<void> => {
    const looked = [...paths].map(async (path) => [path, await fingerprint(path)] as const);
    const now = new Map((await Promise.all(looked)).filter(([path]) => paths.has(path)));
    for (const [path, print] of now) learn(path, print);
    const changed = [...now].filter(([path, print]) => known.get(path) !== print);
    const isSettled = changed.every(([path, print]) => before.get(path) === print);
    before = now;
    if (isClosed || changed.length === 0 || !isSettled) return;
    for (const [path, print] of changed) known.set(path, print);
    await act();
  };
  const turn = async (): Promise<void> => {
    try {
      await look();
    } catch (error) {
      log.error("What was to follow a changed file failed", { error: String(error) });
    }
    wait();
  };
  // From the end of a look to the next one: a network folder that hangs is asked once.
  const wait = (): void => {
    if (!isClosed) timer = clock.after(pollMs, () => void turn());
  };
  wait();
  return {
    set: (named) => {
      paths = new Set(named);
      known = new Map([...known].filter(([path]) => paths.has(path)));
      for (const path of paths) {
        if (!known.has(path)) void fingerprint(path).then((print) => learn(path, print));
      }
    },
    close: () => {
      isClosed = true;
      timer?.cancel();
    },
  };
}
