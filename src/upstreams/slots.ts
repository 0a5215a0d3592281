/** What is kept open for callers, a process or a session each: opened when needed, ended when idle. */
import { type Cancellation, type Clock, type Failure, type Timer, failure } from "../core/index.ts";
import type { Closing } from "./closing.ts";
import { isFailure } from "./link.ts";
import { orAborted } from "./watch.ts";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** What lived this long did not fail at its start. */
const HEALTHY_MS = 60_000;

export interface Kept {
  /** Settles when it has ended, whoever ended it. */
  readonly over: Promise<unknown>;
  /** Ends it and cleans up behind it, also where it has ended by itself, and once for several calls. */
  readonly end: () => Promise<void>;
}

export interface Place<T> {
  readonly kept: T;
  /** Keeps it from becoming idle until what is given back is called. */
  readonly hold: () => () => void;
  /** Is found under another key from now on, unless another one is found there already. */
  readonly moveTo: (key: string) => void;
}

export interface Slots<T extends Kept> {
  /**
   * What is open under `key`, else what `open` opens, which rejects never. `idleMs` counts from the
   * last use. `owner` is whose share it counts in. Rejects with `Aborted`.
   */
  readonly take: (
    key: string,
    idleMs: number,
    open: () => Promise<T | Failure>,
    signal: Cancellation,
    owner?: string,
  ) => Promise<Place<T> | Failure>;
  /** Ends everything. */
  readonly close: () => Promise<void>;
}

export interface SlotsSettings {
  readonly clock: Clock;
  readonly closing: Closing;
  /** Open at once; one more makes the longest idle one end. */
  readonly max: number;
  /** Of one owner: whoever asks for ever new keys makes its own end, and nobody else's. */
  readonly maxPerOwner?: number;
  /** What they are called where one cannot be had. */
  readonly one: string;
  readonly many: string;
}

/** What is open under one key, or the pause after what failed there. */
interface Slot<T> {
  readonly owner: string | undefined;
  key: string;
  idleMs: number;
  running: Promise<T | Failure> | undefined;
  /** Those who hold it, also while it opens. */
  users: number;
  idleSince: number;
  idleTimer: Timer | undefined;
  pauseMs: number;
  pausedUntil: number;
}

export function createSlots<T extends Kept>(settings: SlotsSettings): Slots<T> {
  const { clock, closing, max, maxPerOwner = max, one, many } = settings;
  const slots = new Map<string, Slot<T>>();
  const ending = new Set<Promise<void>>();

  function slotOf(key: string, owner: string | undefined): Slot<T> {
    const known = slots.get(key);
    if (known !== undefined) return known;
    const slot: Slot<T> = {
      owner,
      key,
      idleMs: 0,
      running: undefined,
      users: 0,
      idleSince: 0,
      idleTimer: undefined,
      pauseMs: FIRST_PAUSE_MS,
      pausedUntil: 0,
    };
    slots.set(key, slot);
    return slot;
  }

  function start(slot: Slot<T>, open: () => Promise<T | Failure>): Promise<T | Failure> {
    const began = clock.elapsed();
    const ended = (): void => {
      // Otherwise it was ended on purpose, and the slot is another's by now.
      if (slot.running === started) pause(slot, began);
    };
    const started = open().then((kept) => {
      if (isFailure(kept)) {
        ended();
      } else {
        void kept.over.then(() => {
          ended();
          track(kept.end());
        });
      }
      return kept;
    });
    slot.running = started;
    return started;
  }

  function pause(slot: Slot<T>, began: number): void {
    if (clock.elapsed() - began >= HEALTHY_MS) slot.pauseMs = FIRST_PAUSE_MS;
    slot.running = undefined;
    slot.pausedUntil = clock.elapsed() + slot.pauseMs;
    slot.pauseMs = Math.min(slot.pauseMs * 2, LONGEST_PAUSE_MS);
  }

  function track(ended: Promise<void>): void {
    const tracked = ended.finally(() => ending.delete(tracked));
    ending.add(tracked);
  }

  async function stop(slot: Slot<T>): Promise<void> {
    const { running } = slot;
    slot.running = undefined;
    slot.idleTimer?.cancel();
    const kept = await running;
    if (kept !== undefined && !isFailure(kept)) await kept.end();
  }

  /** Nobody has used it for long: its pause, if there was one, is over too. */
  function leave(slot: Slot<T>): void {
    forget(slot);
    track(stop(slot));
  }

  function forget(slot: Slot<T>): void {
    if (slots.get(slot.key) === slot) slots.delete(slot.key);
  }

  /** Makes room for one more by ending the one that was idle for longest. */
  function makeRoom(owner: string | undefined): Failure | undefined {
    const used = [...slots.values()].filter((slot) => slot.running !== undefined);
    const own = owner === undefined ? [] : used.filter((slot) => slot.owner === owner);
    const isOwnFull = own.length >= maxPerOwner;
    if (!isOwnFull && used.length < max) return undefined;
    const [idlest] = (isOwnFull ? own : used)
      .filter((slot) => slot.users === 0)
      .sort((a, b) => a.idleSince - b.idleSince);
    if (idlest === undefined) {
      const all = isOwnFull ? maxPerOwner : max;
      return failure("UPSTREAM_UNAVAILABLE", `All ${all} ${many} are busy`);
    }
    leave(idlest);
    return undefined;
  }

  function find(slot: Slot<T>, open: () => Promise<T | Failure>): Promise<T | Failure> | Failure {
    if (closing.isClosed()) return failure("UPSTREAM_UNAVAILABLE", "The gateway is closing");
    if (slot.running !== undefined) return slot.running;
    const waitMs = slot.pausedUntil - clock.elapsed();
    if (waitMs > 0) {
      return failure(
        "UPSTREAM_UNAVAILABLE",
        `The ${one} ended; it is opened again in ${waitMs} ms`,
      );
    }
    return makeRoom(slot.owner) ?? start(slot, open);
  }

  function hold(slot: Slot<T>): () => void {
    let isHeld = true;
    slot.users++;
    slot.idleTimer?.cancel();
    return () => {
      if (!isHeld) return;
      isHeld = false;
      slot.users--;
      if (slot.users === 0) rest(slot);
    };
  }

  function rest(slot: Slot<T>): void {
    const now = clock.elapsed();
    slot.idleSince = now;
    if (slot.running === undefined && now >= slot.pausedUntil) forget(slot);
    else slot.idleTimer = clock.after(slot.idleMs, () => leave(slot));
  }

  function moveTo(slot: Slot<T>, key: string): void {
    if (slots.has(key) || slots.get(slot.key) !== slot) return;
    slots.delete(slot.key);
    slot.key = key;
    slots.set(key, slot);
  }

  return {
    take: async (key, idleMs, open, signal, owner) => {
      const slot = slotOf(key, owner);
      slot.idleMs = Math.max(slot.idleMs, idleMs);
      const release = hold(slot);
      try {
        const kept = await orAborted(Promise.resolve(find(slot, open)), signal);
        if (isFailure(kept)) return kept;
        return { kept, hold: () => hold(slot), moveTo: (key) => moveTo(slot, key) };
      } finally {
        release();
      }
    },
    close: async () => {
      for (const slot of slots.values()) leave(slot);
      while (ending.size > 0) await Promise.all(ending);
    },
  };
}
