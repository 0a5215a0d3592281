/** A store on a real Redis, with real time and a log that can be read. */
import type { Clock, Log, LogFields, StoreLost } from "../../src/core/index.ts";
import {
  type OpenStore,
  type RedisSettings,
  type StateChanged,
  type StoreState,
  openStore,
} from "../../src/stores/index.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { crypto } from "./ports.ts";

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export interface OpenedStore extends OpenStore {
  /** `warn: message {"field":…}` */
  readonly lines: readonly string[];
  readonly states: readonly StoreState[];
  /** Timers that are set and have neither fired nor been cancelled. */
  readonly timers: () => number;
}

let opened = 0;

/** Each has a prefix of its own unless it is told one. */
export async function openRedisStore(
  url: string,
  settings: Partial<RedisSettings> = {},
  changed: StateChanged = () => undefined,
): Promise<OpenedStore> {
  const lines: string[] = [];
  const states: StoreState[] = [];
  const line =
    (level: string) =>
    (message: string, fields?: LogFields): void => {
      lines.push(`${level}: ${message} ${JSON.stringify(fields ?? {})}`);
    };
  const log = {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
  };
  const { clock, timers } = countingClock();
  const prefix = `test${process.pid}:${++opened}:`;
  const watch = (state: StoreState, loss?: StoreLost): void => {
    states.push(state);
    changed(state, loss);
  };
  const store = await openStore(
    { redis: url, prefix, onLost: "refuse", localShare: 1, ...settings },
    { clock, crypto, log },
    watch,
  );
  return { ...store, lines, states, timers };
}

function countingClock(): { readonly clock: Clock; readonly timers: () => number } {
  const clock = createClock();
  const pending = new Set<object>();
  return {
    clock: {
      ...clock,
      after: (ms, act) => {
        const one = {};
        pending.add(one);
        const timer = clock.after(ms, () => {
          pending.delete(one);
          act();
        });
        return {
          cancel: () => {
            pending.delete(one);
            timer.cancel();
          },
        };
      },
    },
    timers: () => pending.size,
  };
}
