/** A pool over threads that run in this one, with a clock that stands still until it is moved. */
import { createHash } from "node:crypto";
import {
  type LoadFault,
  type LoadedPlugin,
  type PluginSet,
  type PluginSpec,
  type PoolSettings,
  type Step,
  type StepEnd,
  createPluginPool,
} from "../../../src/sandbox/index.ts";
import {
  type Cancellation,
  type Log,
  type Threads,
  createCanceller,
} from "../../../src/core/index.ts";
import { serveThread } from "../../../src/sandbox/thread/index.ts";
import { createFakeClock } from "../../upstreams/harness.ts";
import { type Deed, type FakeEngine, createFakeEngine } from "./fake-engine.ts";

export type Clock = ReturnType<typeof createFakeClock>;
export interface FakeThread {
  readonly engine: FakeEngine;
  readonly isOver: () => boolean;
  /** As if it had crashed. */
  readonly die: () => void;
}

export interface FakeThreads extends Threads {
  readonly all: FakeThread[];
  /** What keeps the pool's own event loop awake. */
  readonly turns: (() => void)[];
}

export function createFakeThreads(clock: Clock, endsBusy = true): FakeThreads {
  const all: FakeThread[] = [];
  const turns: (() => void)[] = [];
  return {
    cores: 2,
    endsBusy,
    momentMs: 1,
    turn: (act) => void turns.push(act),
    turns,
    all,
    start: ({ hear, ended }) => {
      let isOver = false;
      let isHung = false;
      const engine = createFakeEngine(() => {
        isHung = true;
      });
      const take = serveThread(async () => engine, {
        post: (report) => {
          const copy = structuredClone(report);
          queueMicrotask(() => {
            if (!isOver && !isHung) hear(copy);
          });
        },
        elapsed: clock.elapsed,
        turn: () => undefined,
        after: (ms, act) => clock.after(ms, () => (isHung ? undefined : act())),
      });
      const end = (): void => {
        isOver = true;
      };
      all.push({
        engine,
        isOver: () => isOver,
        die: () => {
          end();
          ended("It ended with code 1");
        },
      });
      return {
        post: (order) => {
          const copy = structuredClone(order);
          queueMicrotask(() => {
            if (!isOver && !isHung) take(copy as never);
          });
        },
        terminate: end,
      };
    },
  };
}

export const limits = {
  memoryMb: 16,
  stackKb: 128,
  loadMs: 500,
  maxInstances: 8,
  cpuMs: 50,
  wallMs: 1000,
  maxInputKb: 64,
  maxOutputKb: 64,
};

export function toSpec(
  name: string,
  changes: Partial<LoadedPlugin> & { readonly source?: string } & Partial<
      Pick<PluginSpec, "host" | "limits" | "config">
    > = {},
): PluginSpec {
  const { source = "good", host, limits: own, config, ...plugin } = changes;
  return {
    plugin: {
      name,
      version: "1.0.0",
      file: `./plugins/${name}.ts`,
      sha256: "00",
      hooks: new Set(["onToolCall"]),
      mode: "enforce",
      onError: "deny",
      fits: () => true,
      seesKeys: false,
      ...plugin,
    },
    code: { file: `./plugins/${name}.ts`, modules: [{ name: "main", source }], sha256: "00" },
    config: config ?? "{}",
    limits: own ?? limits,
    host: host ?? (() => async () => ({ value: "null" })),
  };
}

export interface Line {
  readonly level: string;
  readonly message: string;
}
export function createLines(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = [];
  const say = (level: string) => (message: string) => void lines.push({ level, message });
  const log = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
  return { log, lines };
}

export const crypto = {
  sha256: (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex"),
};

export function createRig(settings: PoolSettings = {}, endsBusy = true) {
  const clock = createFakeClock();
  const threads = createFakeThreads(clock, endsBusy);
  const { log, lines } = createLines();
  const pool = createPluginPool({ threads, clock, log, crypto }, settings);
  const open = async (...specs: readonly PluginSpec[]): Promise<PluginSet> =>
    orThrow(await pool.open(specs));
  return { clock, threads, lines, pool, open };
}

export function orThrow<T extends object>(made: T | readonly LoadFault[]): T {
  if (Array.isArray(made)) throw new Error(JSON.stringify(made));
  return made as T;
}

/** One step for each of the deeds, by the set's plugins in their order. */
export function toSteps(set: PluginSet, ...deeds: readonly Deed[]): readonly Step[] {
  return deeds.map((deed, at) => {
    const plugin = set.all[at];
    if (plugin === undefined) throw new Error(`There is no plugin ${at}`);
    const payload = JSON.stringify(deed);
    return { plugin, hook: "onToolCall", payload, ctx: "{}", bytes: payload.length };
  });
}

export const about = { id: "request-1", client: "client-1", time: 1_000 };

export function run(
  set: PluginSet,
  steps: readonly Step[],
  signal: Cancellation = createCanceller().signal,
): Promise<readonly StepEnd[]> {
  return set.run(steps, about, signal);
}

/** One call of the set's first plugin. */
export async function call(set: PluginSet, deed: Deed): Promise<string> {
  return (await run(set, toSteps(set, deed))).map(toWord).join(" ");
}

/** What a step came to, in one word. */
export function toWord({ outcome, applies }: StepEnd): string {
  const what = outcome.action === "failed" ? outcome.code : outcome.action;
  return applies ? what : `(${what})`;
}

export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
