/** A loaded plugin, put back to what it was after each call. */
import type { HookCall, HookEnd, HostCall, Instance, PluginLimits } from "../face.ts";
import type { Guest } from "./guest.ts";
import { runCall, type RunPorts } from "./run.ts";
import type { Snapshot } from "./core.ts";

export interface InstanceSettings {
  readonly limits: PluginLimits;
  readonly ports: RunPorts;
  readonly snapshot: Snapshot;
  /** A new core with the same state. */
  readonly respawn: () => Guest;
}

/** More than this is given back to the system with the core that took it. */
const keptBytes = 8 * 1024 * 1024;

export function createInstance(first: Guest, settings: InstanceSettings): Instance {
  const { limits, ports, snapshot, respawn } = settings;
  const usedAtFirst = first.core.used();
  let guest: Guest | undefined = first;
  let isAsLoaded = true;
  let isBusy = false;
  let isGood = true;
  const run = (call: HookCall, host: HostCall): HookEnd | Promise<HookEnd> => {
    reset();
    guest ??= respawn();
    const current = guest;
    isAsLoaded = false;
    const ended = runCall(current, call, limits, host, ports);
    return ended instanceof Promise
      ? ended.then((end) => keep(current, end))
      : keep(current, ended);
  };
  const keep = (current: Guest, end: HookEnd): HookEnd => {
    const broke = end.outcome.action === "failed" && end.outcome.code === "crash";
    if (broke || current.core.used() > usedAtFirst + keptBytes) guest = undefined;
    return end;
  };
  const reset = (): void => {
    if (!isAsLoaded) guest?.core.restore(snapshot);
    isAsLoaded = true;
  };
  const give = (end: HookEnd): HookEnd => {
    isBusy = false;
    return end;
  };
  const breakDown = (error: unknown): HookEnd => {
    isGood = false;
    return give(toFailed("crash", `The engine broke: ${String(error)}`));
  };
  return {
    isGood: () => isGood,
    reset: () => {
      if (!isBusy) reset();
    },
    twin: () => createInstance(respawn(), settings),
    drop: () => {
      isGood = false;
      guest = undefined;
    },
    call: (call, host) => {
      if (!isGood || isBusy) return toFailed("crash", "The instance takes no call now");
      if (isTooLarge(call, limits))
        return toFailed("input_too_large", `The input has more than ${limits.maxInputKb} KB`);
      isBusy = true;
      try {
        const ended = run(call, host);
        return ended instanceof Promise ? ended.then(give).catch(breakDown) : give(ended);
      } catch (error) {
        return breakDown(error);
      }
    },
  };
}

function isTooLarge({ payload, ctx }: HookCall, { maxInputKb }: PluginLimits): boolean {
  const most = maxInputKb * 1024;
  const units = payload.length + ctx.length;
  if (units > most) return true;
  // No UTF-16 unit takes more than three bytes.
  if (units * 3 <= most) return false;
  return new TextEncoder().encode(payload).length + new TextEncoder().encode(ctx).length > most;
}

function toFailed(code: "crash" | "input_too_large", why: string): HookEnd {
  return {
    outcome: { action: "failed", code, why },
    ms: 0,
    wallMs: 0,
    fuel: 0,
    memory: 0,
    hostCalls: 0,
    logs: [],
  };
}
