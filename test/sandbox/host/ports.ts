/** A host on what each test hands it; the rest is a store in memory and a clock set by hand. */
import { type Cancellation, type Log, type Store, createKeyring } from "../../../src/core/index.ts";
import {
  type HostCallName,
  type HostGrants,
  type HostPorts,
  createHost,
} from "../../../src/sandbox/index.ts";
import { openMemoryStore } from "../../../src/stores/index.ts";
import { type HandClock, crypto, handClock } from "../../stores/ports.ts";

export interface Bench {
  readonly ports: HostPorts;
  readonly clock: HandClock;
  /** `message {"field":…}` */
  readonly lines: readonly string[];
}

const keys = [new TextEncoder().encode("a key of this test's own, 32 bytes")];

export function createBench(extra: Partial<HostPorts> = {}): Bench {
  const clock = handClock();
  const lines: string[] = [];
  const write: Log["warn"] = (message, fields) => {
    lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  };
  const ports: HostPorts = {
    store: openMemoryStore({ clock }),
    egress: { request: () => Promise.reject(new Error("Nothing is dialled here")) },
    clock,
    crypto,
    log: { debug: write, info: write, warn: write, error: write },
    seals: createKeyring(keys, crypto.randomBytes).seals,
    sharedNow: clock.now,
    ...extra,
  };
  return { ports, clock, lines };
}

/** What a guest's promise settles with: the value, or `fault: …`. */
export type Ask = (name: HostCallName, ...args: readonly unknown[]) => Promise<unknown>;

/** Each question is of a call of its own. */
export function createAsk(
  ports: HostPorts,
  grants: HostGrants,
  {
    plugin = "guard",
    client = "web",
    wallMs = 5_000,
    signal = undefined as Cancellation | undefined,
  } = {},
): Ask {
  const host = createHost(ports).forPlugin({ name: plugin, grants, wallMs });
  return async (name, ...args) => {
    const answer = await host.forCall(client, signal)(name, JSON.stringify(args));
    return "fault" in answer ? `fault: ${answer.fault}` : (JSON.parse(answer.value) as unknown);
  };
}

/** Counts what is asked of a store. */
export function countCalls(store: Store): { readonly store: Store; readonly take: () => number } {
  let calls = 0;
  const counted =
    <A extends readonly unknown[], R>(act: (...args: A) => R) =>
    (...args: A): R => {
      calls++;
      return act(...args);
    };
  return {
    store: {
      take: counted(store.take),
      get: counted(store.get),
      set: counted(store.set),
      delete: counted(store.delete),
      setOnce: counted(store.setOnce),
      replace: counted(store.replace),
      close: store.close,
    },
    take: () => {
      const taken = calls;
      calls = 0;
      return taken;
    },
  };
}
