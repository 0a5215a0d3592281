/** The kill switch: the blocks of this process, the same on every instance. */
import {
  type Block,
  type BlockList,
  type Bus,
  type Ports,
  type Seals,
  type Store,
  type Timer,
  toHex,
} from "../core/index.ts";
import { blockFault } from "./block-fault.ts";
import { type FindBlock, createBlockIndex } from "./block-index.ts";
import { type BlockFile, keepInFile, keepInStore } from "./block-keep.ts";
import { isLive, withBlock, withoutBlock } from "./block-state.ts";
import { createBlockSync } from "./block-sync.ts";
import type { Blocked } from "./subject.ts";

export interface BlocksOptions {
  readonly ports: Pick<Ports, "clock" | "log" | "crypto">;
  /** Of several instances. */
  readonly shared?: {
    readonly store: Store;
    readonly bus: Bus;
    readonly seals: Seals;
    /**
     * With `refuse` everything is blocked until the blocks could be read once; with `local` a process
     * that starts while the store is lost goes on without those it cannot know.
     */
    readonly onLost: "refuse" | "local";
    /** The store's time, since the clocks of instances may differ; without it this machine's. */
    readonly now?: () => number;
  };
  /** Of one that is alone; without it the blocks end with the process. */
  readonly keep?: BlockFile;
}

/**
 * `until` of a block is a moment of the store's clock, so that it ends on all instances at once; of one
 * that is alone it is of its own clock. Who adds one says it in the time of this machine.
 */
export interface Blocks extends BlockList {
  readonly find: Blocked;
  /** Calls `act` whenever other blocks are in force than before; gives back how to stop that. */
  readonly onChange: (act: () => void) => () => void;
  /** The store is back. Never rejects. */
  readonly reread: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const channel = "blocks";
const idBytes = 6;
/** A clock that was set is noticed so late at most. */
const maxWaitMs = 60_000;

/**
 * Rejects with an `Error` where what is kept cannot be read: a kill switch that vanished would open
 * what was closed. A store that is lost is waited for.
 */
export async function openBlocks(options: BlocksOptions): Promise<Blocks> {
  const { shared, ports } = options;
  const { log, crypto } = ports;
  const clock = { ...ports.clock, ...(shared?.now && { now: shared.now }) };
  const keep = shared
    ? keepInStore(shared.store, shared.seals("blocks"))
    : keepInFile(options.keep ?? keepHere());
  const listeners = new Set<{ readonly act: () => void }>();
  let live: readonly Block[] = [];
  let find: FindBlock = createBlockIndex([]);
  let timer: Timer | undefined;
  let isClosed = false;

  const refresh = (): void => {
    const now = clock.now();
    const next = sync.blocks().filter((block) => isLive(block, now));
    timer?.cancel();
    const ends = next.flatMap(({ until }) => until ?? []);
    timer =
      ends.length === 0 || isClosed
        ? undefined
        : clock.after(Math.min(maxWaitMs, Math.max(1, Math.min(...ends) - now)), refresh);
    if (JSON.stringify(next) === JSON.stringify(live)) return;
    live = next;
    find = createBlockIndex(live);
    for (const { act } of listeners) {
      try {
        act();
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        log.error("A listener to the blocks failed", { cause });
      }
    }
  };
  const tell = (): void => {
    // Who does not hear of it looks by itself.
    shared?.bus.publish(channel, "changed").catch(() => undefined);
  };
  const sync = createBlockSync(keep, {
    clock,
    log,
    goesOn: shared?.onLost === "local",
    adopted: refresh,
    wrote: tell,
  });
  // First, so that no change falls between the two.
  const unsubscribe = await shared?.bus.subscribe(channel, () => void sync.reread());
  try {
    await sync.open();
  } catch (error) {
    unsubscribe?.();
    throw error;
  }
  let polling: Timer | undefined;
  const poll = (): void => {
    if (isClosed) return;
    polling = clock.after(keep.pollMs, () => void sync.reread().then(poll));
  };
  poll();

  return {
    find: (caller, thing) => find(caller, thing, clock.now()),
    list: () => {
      const now = clock.now();
      return live.filter((block) => isLive(block, now));
    },
    add: async (wish) => {
      const here = ports.clock.now();
      const fault = blockFault(wish, here);
      if (fault !== undefined) throw new RangeError(fault);
      const now = clock.now();
      const { until } = wish;
      const end = until === undefined ? {} : { until: until - here + now };
      const block = { ...wish, ...end, id: toHex(crypto.randomBytes(idBytes)), at: now };
      await sync.change((state) => withBlock(state, block, clock.now()));
      return block;
    },
    remove: (id) => sync.change((state) => withoutBlock(state, id, clock.now())),
    onChange: (act) => {
      const listener = { act };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    reread: sync.reread,
    close: async () => {
      isClosed = true;
      timer?.cancel();
      polling?.cancel();
      unsubscribe?.();
      await sync.close();
    },
  };
}

function keepHere(): BlockFile {
  let text: string | undefined;
  return {
    read: async () => text,
    write: async (next) => {
      text = next;
    },
  };
}
