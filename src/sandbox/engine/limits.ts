/** What a plugin may spend: what it gets, the most that it can be given, and what nobody can change. */
import type { HookCall, PluginLimits } from "../face.ts";

export const defaultLimits: PluginLimits = {
  memoryMb: 16,
  stackKb: 128,
  loadMs: 500,
  maxInstances: 8,
  cpuMs: 50,
  wallMs: 1000,
  maxInputKb: 4096,
  maxOutputKb: 1024,
};

/** More stack than this, and the runtime's own may end before the guest's does. */
export const hardLimits: PluginLimits = {
  memoryMb: 256,
  stackKb: 256,
  loadMs: 10_000,
  maxInstances: 64,
  cpuMs: 1000,
  wallMs: 30_000,
  maxInputKb: 65_536,
  maxOutputKb: 65_536,
};

/** Steps of promises in one call. */
export const maxJobs = 10_000;

const textBytesPerMs = 4096;

/** The guest's own time for one call: what looks at text gets a quarter of a millisecond per KB. */
export function toCpuMs(limits: PluginLimits, call: Pick<HookCall, "hook" | "bytes">): number {
  const isText = call.hook === "onText" || call.hook === "onToolResult";
  return limits.cpuMs + (isText ? call.bytes / textBytesPerMs : 0);
}

/** From the first line to the verdict: time to wait is of no use to who has more to compute. */
export function toWallMs(limits: PluginLimits, call: Pick<HookCall, "hook" | "bytes">): number {
  return Math.max(limits.wallMs, toCpuMs(limits, call));
}

/** Each within what is possible, so that no config can widen the sandbox by a slip. */
export function clampLimits(limits: PluginLimits): PluginLimits {
  const clamped = Object.entries(hardLimits).map(([key, most]) => {
    const wanted = limits[key as keyof PluginLimits];
    return [key, Math.max(1, Math.min(Math.floor(wanted), most as number))];
  });
  return Object.fromEntries(clamped) as unknown as PluginLimits;
}
