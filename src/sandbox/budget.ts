/** What one call of a hook may take. */
import type { PluginLimits } from "./face.ts";

type Spends = Pick<PluginLimits, "cpuMs" | "wallMs">;

const bytesPerMs = 4096;

/**
 * The guest's own time: beside its limit a quarter of a millisecond per KB, since what comes in has
 * to be read before anything is decided, and its size is not the plugin's doing.
 */
export function cpuBudget(
  { cpuMs }: Pick<Spends, "cpuMs">,
  call: { readonly bytes: number },
): number {
  return cpuMs + call.bytes / bytesPerMs;
}

/** From the first line to the verdict: time to wait is of no use to who has more to compute. */
export function wallBudget(limits: Spends, call: { readonly bytes: number }): number {
  return Math.max(limits.wallMs, cpuBudget(limits, call));
}
