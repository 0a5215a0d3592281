/** Runs the steps of one chain, one after the other. */
import { patience } from "../engine/limits.ts";
import type { HookEnd, HostAnswer, HostCall, Instance, PluginLimits } from "../face.ts";
import { cpuBudget, wallBudget } from "../budget.ts";
import { stops, toFailedEnd } from "./ends.ts";
import type { ThreadPorts, ThreadStep } from "./messages.ts";
import type { PulseWriter } from "./pulse.ts";
import type { Lack, Stock } from "./stock.ts";

export interface OpenPlugin {
  readonly limits: PluginLimits;
  readonly stock: Stock;
}
/** A promise while it is being opened. */
export type Found = OpenPlugin | Promise<OpenPlugin | undefined>;
export interface ChainContext {
  readonly ports: Pick<ThreadPorts, "elapsed" | "after">;
  readonly pulse: PulseWriter;
  readonly find: (plugin: number) => Found | undefined;
  /** Asks the host for the step with this index. */
  readonly ask: (step: number, ...call: Parameters<HostCall>) => Promise<HostAnswer>;
  readonly isCancelled: () => boolean;
  /** It was entered, and has to be put back once there is time for it. */
  readonly used: (instance: Instance) => void;
}

/** The engine keeps the time itself; whoever is later than this is not coming back. */
const graceMs = 100;

export async function runChain(
  steps: readonly ThreadStep[],
  context: ChainContext,
): Promise<readonly HookEnd[]> {
  const ends: HookEnd[] = [];
  for (const [index, step] of steps.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- the next step waits for what this one says
    const end = await runStep(step, index, context);
    ends.push(end);
    if (stops(step, end.outcome)) break;
  }
  return ends;
}

async function runStep(step: ThreadStep, index: number, context: ChainContext): Promise<HookEnd> {
  const { find, isCancelled, ports } = context;
  const found = find(step.plugin);
  const plugin = found instanceof Promise ? await found : found;
  if (plugin === undefined) return toFailedEnd("load_error", "The plugin is not open");
  if (isCancelled()) return toFailedEnd("wall_timeout", "The call was cancelled");
  const { stock, limits } = plugin;
  const wallMs = wallBudget(limits, step);
  const began = ports.elapsed();
  const taken = stock.take(wallMs);
  const isQueued = taken instanceof Promise;
  const instance: Instance | Lack = isQueued ? await taken : taken;
  const waited = isQueued ? ports.elapsed() - began : 0;
  if ("why" in instance) return toFailedEnd(instance.code, instance.why, waited);
  if (isCancelled() || waited >= wallMs) {
    stock.give(instance);
    return toFailedEnd("wall_timeout", "The call ended before its turn came", waited);
  }
  const budget = cpuBudget(limits, step) * patience;
  const host: HostCall = async (name, args) => {
    const answer = await context.ask(index, name, args);
    // The guest goes on with it at once.
    context.pulse.enter(step.plugin, budget);
    ports.after(0, context.pulse.leave);
    return answer;
  };
  context.pulse.enter(step.plugin, budget);
  const said = enter(instance, step, host);
  const isOver = !(said instanceof Promise);
  if (isOver) context.pulse.leave();
  const end = isOver ? said : await settledWithin(said, wallMs - waited + graceMs, context);
  if (end === undefined) {
    stock.discard(instance);
    return toFailedEnd("wall_timeout", "The hook did not end", ports.elapsed() - began);
  }
  stock.give(instance);
  context.used(instance);
  return isQueued ? { ...end, wallMs: end.wallMs + waited } : end;
}

function enter(instance: Instance, step: ThreadStep, host: HostCall): ReturnType<Instance["call"]> {
  const toCrash = (error: unknown): HookEnd =>
    toFailedEnd("crash", `The engine failed: ${String(error)}`);
  try {
    const end = instance.call(step, host);
    return end instanceof Promise ? end.catch(toCrash) : end;
  } catch (error) {
    return toCrash(error);
  }
}

function settledWithin(
  call: Promise<HookEnd>,
  ms: number,
  { ports, pulse }: Pick<ChainContext, "ports" | "pulse">,
): Promise<HookEnd | undefined> {
  return new Promise((resolve) => {
    // A timer runs when no guest does: from here on the hook only waits.
    let timer = ports.after(0, () => {
      pulse.leave();
      timer = ports.after(ms, () => resolve(undefined));
    });
    void call.then((end) => {
      pulse.leave();
      timer.cancel();
      resolve(end);
    });
  });
}
