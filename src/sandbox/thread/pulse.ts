/**
 * What a thread is at, in memory that the pool reads while the thread is busy: only so can a thread
 * that hangs be told from one that has much to do, and the plugin that hangs from its neighbours.
 */

/** Odd while a guest runs; counts on with each beginning and each end. */
const turnAt = 0;
/** The plugin that runs, or ran last; 0 is one that is looked at. */
const pluginAt = 1;
/** What it may take for the turn. */
const budgetAt = 2;
/** How many orders were taken. */
const takenAt = 3;
const places = 4;

export interface Pulse {
  readonly turn: number;
  readonly isInGuest: boolean;
  readonly plugin: number;
  readonly budgetMs: number;
  readonly taken: number;
}

export function createPulseMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(places * Int32Array.BYTES_PER_ELEMENT);
}

export function readPulse(memory: SharedArrayBuffer): Pulse {
  const view = new Int32Array(memory);
  const turn = Atomics.load(view, turnAt);
  return {
    turn,
    isInGuest: (turn & 1) === 1,
    plugin: Atomics.load(view, pluginAt),
    budgetMs: Atomics.load(view, budgetAt),
    taken: Atomics.load(view, takenAt),
  };
}

export interface PulseWriter {
  readonly taken: () => void;
  /** From here on a guest runs. */
  readonly enter: (plugin: number, budgetMs: number) => void;
  /** No guest runs. */
  readonly leave: () => void;
}

export function createPulseWriter(memory: SharedArrayBuffer): PulseWriter {
  const view = new Int32Array(memory);
  const leave = (): void => {
    if ((Atomics.load(view, turnAt) & 1) === 1) Atomics.add(view, turnAt, 1);
  };
  return {
    taken: () => void Atomics.add(view, takenAt, 1),
    enter: (plugin, budgetMs) => {
      leave();
      Atomics.store(view, pluginAt, plugin);
      Atomics.store(view, budgetAt, Math.ceil(budgetMs));
      Atomics.add(view, turnAt, 1);
    },
    leave,
  };
}
