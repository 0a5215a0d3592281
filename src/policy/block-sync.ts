/** Keeps what this process knows of the blocks in step with what is kept of them. */
import { type Block, type Clock, type Log, StoreLost } from "../core/index.ts";
import { type BlockKeep, BlocksLost, type Kept } from "./block-keep.ts";
import { type BlockState, isBehind, mergeBlocks, noBlocks } from "./block-state.ts";

export interface BlockSync {
  /** What is known; one that blocks everything where that is nothing yet. */
  readonly blocks: () => readonly Block[];
  /** Reads for the first time. Rejects with an `Error` where what is kept cannot be read. */
  readonly open: () => Promise<void>;
  readonly reread: () => Promise<void>;
  /** False where there is nothing to change. Rejects with a `StoreLost`. */
  readonly change: (act: Change) => Promise<boolean>;
  readonly close: () => Promise<void>;
}
export interface BlockSyncSettings {
  readonly clock: Clock;
  readonly log: Log;
  /** Nothing is blocked while the store is lost from the start. */
  readonly goesOn: boolean;
  readonly adopted: () => void;
  readonly wrote: () => void;
}
type Change = (state: BlockState) => BlockState | undefined;

/**
 * So often within `rightingMs` what cannot be read is put right. An instance with other keys can read
 * nothing of ours either, and does the same: without a bound the two would never stop.
 */
const maxRightings = 8;
const rightingMs = 60_000;
/** Each round that is lost is a change that somebody else has made. */
const maxRounds = 50;

/** One thing at a time, in the order in which it was asked for. */
export function createBlockSync(keep: BlockKeep, settings: BlockSyncSettings): BlockSync {
  const { clock, log, goesOn, adopted, wrote } = settings;
  const unread: Block = {
    id: "unread",
    why: "The blocks could not be read yet",
    by: "mcp-gw",
    at: clock.now(),
  };
  let known: BlockState | undefined;
  let isDamaged = false;
  /** What `known` was last read from. */
  let seen: Kept | undefined;
  let said: string | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let waiting: Promise<void> | undefined;
  let isClosed = false;
  /** When the last ones began, in milliseconds of the clock that only grows. */
  let rightings: readonly number[] = [];

  const enqueue = <T>(act: () => Promise<T>): Promise<T> => {
    const next = last.then(() => {
      if (isClosed) throw new StoreLost("closed", "Cannot use the blocks: they were closed");
      return act();
    });
    last = next.catch(() => undefined);
    return next;
  };
  const adopt = (state: BlockState, read: Kept | undefined): void => {
    known = state;
    seen = read;
    isDamaged = false;
    adopted();
  };
  const mayRight = (): boolean => {
    const now = clock.elapsed();
    rightings = rightings.filter((at) => now - at < rightingMs);
    if (rightings.length >= maxRightings) return false;
    rightings = [...rightings, now];
    return true;
  };
  /** False where nothing had to be changed. */
  const settle = async (change?: Change): Promise<boolean> => {
    for (let round = 0; round < maxRounds; round++) {
      const read = await keep.read();
      if (read.is === "damaged" && known === undefined) {
        isDamaged = true;
        adopted();
        throw new BlocksLost("refused", `Cannot read the blocks: ${keep.damage}`);
      }
      if (change === undefined && read.is === "blocks" && read === seen) return false;
      if (read.is === "damaged" && change === undefined && !mayRight()) {
        throw new BlocksLost("refused", `Cannot keep the blocks: again and again ${keep.damage}`);
      }
      const kept = read.is === "blocks" ? read.state : noBlocks;
      const merged = mergeBlocks(kept, known ?? noBlocks, clock.now());
      const changed = change?.(merged);
      const isDue =
        changed !== undefined ||
        read.is === "damaged" ||
        (read.is === "nothing" && keep.isDoubtful) ||
        isBehind(kept, merged);
      if (isDue && !(await keep.write(read, changed ?? merged))) continue;
      if (read.is === "damaged") {
        log.error(
          "What was kept of the blocks was changed by hand, or sealed with other keys, and was put right again",
        );
      }
      adopt(changed ?? merged, isDue ? undefined : read);
      if (isDue) wrote();
      return changed !== undefined;
    }
    throw new BlocksLost("refused", "Cannot change the blocks: others change them all the time");
  };
  /** Says each failure once; a store that is lost says so itself. */
  const quietly = async (): Promise<void> => {
    try {
      await settle();
      said = undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const isSaid = error instanceof StoreLost && !(error instanceof BlocksLost);
      if (!isSaid && message !== said) log.error(message);
      said = isSaid ? said : message;
    }
  };
  /** So that what is kept does not expire, and is sealed with the first key. */
  const renew = async (): Promise<void> => {
    if (keep.isDoubtful && known !== undefined && seen?.is === "blocks") {
      await keep.write(seen, known);
    }
  };

  return {
    blocks: () => known?.blocks ?? (goesOn && !isDamaged ? [] : [unread]),
    open: () =>
      enqueue(async () => {
        try {
          await settle();
          await renew();
        } catch (error) {
          // A file is never lost for a while.
          if (isDamaged || !keep.isDoubtful || !(error instanceof StoreLost)) throw error;
          adopted();
        }
      }),
    reread: () =>
      (waiting ??= enqueue(() => {
        waiting = undefined;
        return quietly();
      }).catch(() => undefined)),
    change: (act) => enqueue(() => settle(act)),
    close: async () => {
      isClosed = true;
      await last;
    },
  };
}
