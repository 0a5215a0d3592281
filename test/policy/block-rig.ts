/** Instances that keep their blocks in one store, which can be lost, emptied and changed by hand. */
import {
  type Block,
  type Seals,
  type Store,
  StoreLost,
  createSealer,
} from "../../src/core/index.ts";
import { type Blocks, type BlocksOptions, openBlocks } from "../../src/policy/index.ts";
import { createMemoryBus, openMemoryStore } from "../../src/stores/index.ts";
import { createFallback } from "../../src/stores/fallback.ts";
import { createFakeClock, createFakeLog } from "../http/fakes.ts";
import { crypto } from "../stores/ports.ts";

export const wish = { why: "an incident", by: "ops" };
export const ann = { client: "a", subject: undefined };
export const tool = (name: string, upstream = "github") =>
  ({ kind: "tool", upstream, name }) as const;
export const ids = (blocks: Blocks): string[] => blocks.list().map(({ id }) => id);
export const targets = (blocks: Blocks): (string | undefined)[] =>
  blocks.list().map(({ target }) => target);
/** Lets everything run that waits for nothing outside. */
export const settled = async (): Promise<void> => {
  for (let round = 0; round < 20; round++) await new Promise((resolve) => setImmediate(resolve));
};

const keys = [new Uint8Array(32).fill(7)];
export const seals: Seals = (label) => createSealer(keys, label);

export interface BlockStand {
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly logged: string[];
  /** Each has its own line to the store, as processes have; with `hears: false` no bus reaches it. */
  readonly open: (
    settings?: Partial<NonNullable<BlocksOptions["shared"]>> & {
      readonly hears?: boolean;
      readonly aheadMs?: number;
    },
  ) => Promise<Blocks>;
  /** From now on all instances lose the store, or have it back. */
  readonly lose: (isLost: boolean, reason?: StoreLost["reason"]) => void;
  /** What is kept, past all instances. */
  readonly kept: () => Promise<string | undefined>;
  readonly put: (text: string) => Promise<void>;
  readonly empty: () => Promise<void>;
  /** Runs before the next write of any instance. */
  readonly beforeWrite: (act: () => Promise<void>) => void;
}

export function openBlockStand(): BlockStand {
  const clock = createFakeClock();
  const logged: string[] = [];
  const log = createFakeLog(logged);
  const under = openMemoryStore({ clock: clock.clock });
  const bus = createMemoryBus({ log });
  let isLost = false;
  let why: StoreLost["reason"] = "unreachable";
  let next: (() => Promise<void>) | undefined;
  const check = async (): Promise<void> => {
    if (isLost) throw new StoreLost(why, "The store is away");
  };
  const beforeWrite = async (): Promise<void> => {
    await check();
    const act = next;
    next = undefined;
    await act?.();
  };
  const store: Store = {
    ...under,
    get: async (key) => (await check(), under.get(key)),
    delete: async (key) => (await check(), under.delete(key)),
    setOnce: async (...asked) => (await beforeWrite(), under.setOnce(...asked)),
    replace: async (...asked) => (await beforeWrite(), under.replace(...asked)),
  };
  const checkedBus = {
    publish: async (channel: string, text: string) => (await check(), bus.publish(channel, text)),
    subscribe: bus.subscribe,
  };
  const deaf = { ...checkedBus, subscribe: async () => () => undefined };
  return {
    clock,
    logged,
    open: ({ hears = true, aheadMs = 0, ...shared } = {}) => {
      const onLost = shared.onLost ?? "refuse";
      const line = { store, bus: hears ? checkedBus : deaf };
      const own =
        onLost === "refuse"
          ? line
          : createFallback({ ...line, isUp: () => !isLost }, 1, { clock: clock.clock, log });
      const time = { ...clock.clock, now: () => clock.clock.now() + aheadMs };
      return openBlocks({
        ports: { clock: time, log, crypto },
        shared: { store: own.store, bus: own.bus, seals, onLost, ...shared },
      });
    },
    lose: (lost, reason = "unreachable") => {
      isLost = lost;
      why = reason;
    },
    kept: () => under.get("blocks"),
    put: (text) => under.set("blocks", text, 1_000_000),
    empty: () => under.delete("blocks"),
    beforeWrite: (act) => {
      next = act;
    },
  };
}

export const anyBlock = (more: Partial<Block> = {}): Block => ({
  id: "0a1b2c",
  why: "an incident",
  by: "ops",
  at: 0,
  ...more,
});
