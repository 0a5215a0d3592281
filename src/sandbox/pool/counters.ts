/** What the calls of a plugin came to, hook by hook. */
import type { FailureCode, Hook, HookEnd, Outcome } from "../face.ts";

export interface HookStats {
  readonly hook: Hook;
  readonly calls: number;
  readonly outcomes: Readonly<Record<Outcome["action"], number>>;
  readonly failures: Readonly<Partial<Record<FailureCode, number>>>;
  /** The guest's own time. */
  readonly ms: number;
  readonly maxMs: number;
  /** Waiting included. */
  readonly wallMs: number;
  readonly fuel: number;
  /** The most that one call had, in bytes. */
  readonly maxMemory: number;
  readonly hostCalls: number;
}

export interface Counters {
  readonly count: (hook: Hook, end: HookEnd) => void;
  readonly stats: () => readonly HookStats[];
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
type Row = Writable<Omit<HookStats, "outcomes" | "failures">> & {
  readonly outcomes: Record<Outcome["action"], number>;
  readonly failures: Partial<Record<FailureCode, number>>;
};

export function createCounters(): Counters {
  const rows = new Map<Hook, Row>();
  return {
    count: (hook, end) => {
      let row = rows.get(hook);
      if (row === undefined) rows.set(hook, (row = toEmptyRow(hook)));
      const { outcome } = end;
      row.calls++;
      row.outcomes[outcome.action]++;
      if (outcome.action === "failed") {
        row.failures[outcome.code] = (row.failures[outcome.code] ?? 0) + 1;
      }
      row.ms += end.ms;
      row.maxMs = Math.max(row.maxMs, end.ms);
      row.wallMs += end.wallMs;
      row.fuel += end.fuel;
      row.maxMemory = Math.max(row.maxMemory, end.memory);
      row.hostCalls += end.hostCalls;
    },
    stats: () =>
      [...rows.values()].map((row) => ({
        ...row,
        outcomes: { ...row.outcomes },
        failures: { ...row.failures },
      })),
  };
}

function toEmptyRow(hook: Hook): Row {
  return {
    hook,
    calls: 0,
    outcomes: { allow: 0, deny: 0, modify: 0, redact: 0, failed: 0 },
    failures: {},
    ms: 0,
    maxMs: 0,
    wallMs: 0,
    fuel: 0,
    maxMemory: 0,
    hostCalls: 0,
  };
}
