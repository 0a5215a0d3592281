/** What a store is opened with, and what is opened. */
import type { Bus, Ports, Secret, Store, StoreLost } from "../core/index.ts";

export interface RedisSettings {
  /** `redis://[[user]:password@]host[:port][/database]`; `rediss:` is TLS. */
  readonly redis: Secret | string;
  /** Begins each key and each channel. */
  readonly prefix: string;
  /** Refuse, or go on in this process with `localShare` of each bucket. */
  readonly onLost: "refuse" | "local";
  /** More than 0, at most 1: with three instances a third. */
  readonly localShare: number;
  /** PEM; beside it nobody else's certificate is trusted. */
  readonly ca?: string;
  /** Of each call. Default: 1000. */
  readonly deadlineMs?: number;
}
export type StoreSettings = "memory" | RedisSettings;

export type StorePorts = Pick<Ports, "clock" | "crypto" | "log">;

export interface OpenStore {
  readonly store: Store;
  readonly bus: Bus;
  /**
   * `lost` where either of them is. What was published meanwhile was missed: whoever needs all of it
   * reads the store again when it is `up`.
   */
  readonly state: () => StoreState;
  /** The time that all who share it agree on: milliseconds since the epoch. */
  readonly now: () => number;
  /** Ends both. */
  readonly close: () => Promise<void>;
}
export type StoreState = "up" | "lost";
/** Hears of each change of state, with what the loss was. */
export type StateChanged = (state: StoreState, loss?: StoreLost) => void;
