/** What a plugin may spend: what it gets, the most that it can be given, and what nobody can change. */
import type { PluginLimits } from "../face.ts";

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
  maxInputKb: 16_384,
  maxOutputKb: 4_096,
};

/** Steps of promises in one call. */
export const maxJobs = 10_000;

/**
 * A machine that does other things than the guest's lets so many times its own time pass; where more
 * does, the guest ends.
 */
export const patience = 4;

/** Each within what is possible, so that no config can widen the sandbox by a slip. */
export function clampLimits(limits: PluginLimits): PluginLimits {
  const clamped = Object.entries(hardLimits).map(([key, most]) => {
    const wanted = limits[key as keyof PluginLimits];
    return [key, Math.max(1, Math.min(Math.floor(wanted), most as number))];
  });
  return Object.fromEntries(clamped) as unknown as PluginLimits;
}
