/** Which steps of a chain go to a thread, and how what comes back is put together. */
import type { HookEnd } from "../face.ts";
import type { Step, StepEnd } from "../road-face.ts";
import { applies, stops, toFailedEnd } from "../thread/ends.ts";
import type { ThreadStep } from "../thread/messages.ts";
import type { PoolEntry } from "./entry.ts";
import type { Entry, Quarantine } from "./quarantine.ts";

/** A step that a thread runs. */
export interface Entered {
  readonly step: Step;
  readonly entry: PoolEntry;
  readonly quarantine: Quarantine;
  readonly way: Entry;
}
/** One that does not come so far. */
interface Settled {
  readonly step: Step;
  readonly entry: PoolEntry | undefined;
  readonly end: HookEnd;
}
export type Planned = Entered | Settled;

/** Up to the first step that is known to end the chain. */
export function toPlan(
  steps: readonly Step[],
  find: (step: Step) => PoolEntry | undefined,
  client: string,
): readonly Planned[] {
  const plan: Planned[] = [];
  for (const step of steps) {
    const planned = planStep(step, find(step), client);
    plan.push(planned);
    if ("end" in planned && stops(step.plugin, planned.end.outcome)) break;
  }
  return plan;
}

function planStep(step: Step, entry: PoolEntry | undefined, client: string): Planned {
  if (entry === undefined) {
    return { step, entry, end: toFailedEnd("load_error", "The plugin is closed") };
  }
  const { maxInputKb } = entry.spec.limits;
  // Each unit is a byte at least; the engine counts exactly.
  if (step.payload.length > maxInputKb * 1024) {
    const end = toFailedEnd("input_too_large", `The payload is larger than ${maxInputKb} KB`);
    return { step, entry, end };
  }
  const quarantine = entry.quarantines.of(client, step.hook);
  const way = quarantine.enter();
  if (way !== undefined) return { step, entry, quarantine, way };
  return { step, entry, end: toFailedEnd("quarantined", "The plugin is in quarantine") };
}

export function isEntered(planned: Planned): planned is Entered {
  return "way" in planned;
}

export function toThreadStep({ step, entry }: Entered, now: number, seed: number): ThreadStep {
  const { hook, payload, ctx, bytes, plugin } = step;
  const { mode, onError } = plugin;
  return { plugin: entry.number, mode, onError, hook, payload, ctx, now, seed, bytes };
}

export interface Merged {
  readonly planned: Planned;
  readonly end: HookEnd;
}
/** In the order of the steps, up to the one that ends the chain; `next` gives what the thread said. */
export function merge(plan: readonly Planned[], next: () => HookEnd): readonly Merged[] {
  const merged: Merged[] = [];
  for (const planned of plan) {
    const { step } = planned;
    const said = isEntered(planned) ? next() : planned.end;
    merged.push({ planned, end: checked(step, said) });
    // The thread ended there, also where nothing can come of the change that it ended with.
    if (stops(step.plugin, said.outcome)) break;
  }
  return merged;
}

function checked({ check }: Step, end: HookEnd): HookEnd {
  const { outcome } = end;
  if (outcome.action !== "modify" && outcome.action !== "redact") return end;
  const why = check?.(outcome);
  return why === undefined
    ? end
    : { ...end, outcome: { action: "failed", code: "bad_verdict", why } };
}

export function toStepEnd({ planned, end }: Merged): StepEnd {
  const { plugin, hook } = planned.step;
  const { outcome, ms, wallMs, fuel, memory, hostCalls, logs } = end;
  const decides = applies(plugin, outcome);
  return { outcome, ms, wallMs, fuel, memory, hostCalls, logs, plugin, hook, applies: decides };
}
