/** Keeps a number of workers running: starts them, starts again those that die, ends them together. */
import type { Clock, Log, Timer } from "../core/index.ts";
import type { SignalName, WorkerHandle, WorkerStart } from "../runtime/index.ts";

export interface SupervisorSettings<Ready> {
  readonly count: number;
  readonly start: (worker: WorkerStart) => WorkerHandle;
  /** What a worker is handed; `isFirst` at its first start alone. */
  readonly initOf: (index: number, isFirst: boolean) => unknown;
  /** Each time that a worker tells so, after a restart too. */
  readonly ready: (index: number, ready: Ready) => void;
  /** Called when a worker has gone, before it is started again. */
  readonly gone: (index: number) => Promise<void>;
  readonly clock: Pick<Clock, "after" | "elapsed">;
  readonly log: Pick<Log, "error" | "warn">;
}
/** What a worker tells. */
export type WorkerReport<Ready> =
  | { readonly type: "ready"; readonly ready: Ready }
  | { readonly type: "failed"; readonly text: string }
  /** It has taken up another config because an operator said so, and the others shall too. */
  | { readonly type: "reloaded" };

export interface Supervisor {
  /** Settles when all are ready; rejects with a `WorkerFailed` where one is not at its first start. */
  readonly begin: () => Promise<void>;
  readonly signal: (name: SignalName) => void;
  /** Starts none again, waits for all, and kills the rest; whether all ended well. */
  readonly end: (withinMs: number) => Promise<boolean>;
}
/** Its message is for the terminal. */
export class WorkerFailed extends Error {}

/** Until a worker is ready at its first start; it may have to ask for secrets, and to find the store. */
const startWithinMs = 120_000;
const firstDelayMs = 200;
/** The longest delay, and how long a worker must have lived for the delay to be the first one again. */
const lastDelayMs = 10_000;

interface Slot {
  readonly index: number;
  handle?: WorkerHandle | undefined;
  wasReady: boolean;
  delayMs: number;
  again?: Timer | undefined;
}

export function createSupervisor<Ready>(settings: SupervisorSettings<Ready>): Supervisor {
  const { clock, log } = settings;
  const slots: readonly Slot[] = Array.from({ length: settings.count }, (_, at) => ({
    index: at + 1,
    wasReady: false,
    delayMs: firstDelayMs,
  }));
  let isEnding = false;
  let isWell = true;

  /** Settles when it is ready; rejects with what it said where it ends before. */
  const launch = (slot: Slot): Promise<void> =>
    new Promise((resolve, reject) => {
      const { index } = slot;
      const startedAt = clock.elapsed();
      let text: string | undefined;
      const hear = (message: unknown): void => {
        const report = message as WorkerReport<Ready>;
        if (report.type === "failed") {
          text = report.text;
          return;
        }
        if (report.type === "reloaded") {
          for (const other of slots) if (other !== slot) other.handle?.signal("SIGHUP");
          return;
        }
        slot.wasReady = true;
        settings.ready(index, report.ready);
        resolve();
      };
      const init = settings.initOf(index, !slot.wasReady);
      slot.handle = settings.start({ index, init, hear });
      void slot.handle.exited.then((code) => {
        slot.handle = undefined;
        if (isEnding) isWell &&= code === 0;
        reject(new WorkerFailed(text ?? `Worker ${index} ended: ${nameOf(code)}`));
        if (isEnding || !slot.wasReady) return;
        if (text !== undefined) log.error("A worker cannot start", { worker: index, text });
        relaunch(slot, code, clock.elapsed() - startedAt);
      });
    });
  const relaunch = (slot: Slot, code: number | undefined, livedMs: number): void => {
    const { index } = slot;
    if (livedMs >= lastDelayMs) slot.delayMs = firstDelayMs;
    const inMs = slot.delayMs;
    slot.delayMs = Math.min(2 * inMs, lastDelayMs);
    log.warn("A worker ended, and is started again", { worker: index, exit: nameOf(code), inMs });
    slot.again = clock.after(inMs, () => {
      settings
        .gone(index)
        .catch((error: unknown) => log.error("Cannot clear up", { error: String(error) }))
        .finally(() => {
          // What became of it is said when it ends.
          if (!isEnding) launch(slot).catch(() => undefined);
        });
    });
  };
  const beginOne = async (slot: Slot): Promise<void> => {
    const late = clock.after(startWithinMs, () => slot.handle?.kill());
    try {
      await launch(slot);
    } finally {
      late.cancel();
    }
  };
  return {
    begin: async () => {
      const [first, ...others] = slots;
      // What is wrong is wrong for all of them, and is said once.
      if (first !== undefined) await beginOne(first);
      await Promise.all(isEnding ? [] : others.map(beginOne));
    },
    signal: (name) => {
      for (const { handle } of slots) handle?.signal(name);
    },
    end: async (withinMs) => {
      isEnding = true;
      for (const { again } of slots) again?.cancel();
      const late = clock.after(withinMs, () => {
        for (const { handle } of slots) handle?.kill();
      });
      await Promise.all(slots.map(({ handle }) => handle?.exited));
      late.cancel();
      return isWell;
    },
  };
}

function nameOf(code: number | undefined): string {
  return code === undefined ? "killed" : `exit code ${code}`;
}
