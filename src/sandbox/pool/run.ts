/** Sends a chain to a thread and hears what becomes of it. */
import { type Cancellation, type Clock, type Crypto, createCanceller } from "../../core/index.ts";
import type { FailureCode, HookEnd, HostAnswer, HostCall } from "../face.ts";
import type { Step, StepEnd, StepsAbout } from "../road-face.ts";
import { wallBudget } from "../budget.ts";
import { toFailedEnd } from "../thread/ends.ts";
import type { Report } from "../thread/messages.ts";
import type { Crew } from "./crew.ts";
import type { PoolEntry } from "./entry.ts";
import type { Link, Loss } from "./link.ts";
import {
  type Entered,
  type Merged,
  type Planned,
  isEntered,
  merge,
  toPlan,
  toStepEnd,
  toThreadStep,
} from "./plan.ts";

export interface RunPorts {
  readonly clock: Clock;
  readonly crypto: Pick<Crypto, "sha256">;
  readonly crew: Pick<Crew, "pick">;
  readonly nextId: () => number;
}
export interface Chain {
  readonly steps: readonly Step[];
  readonly about: StepsAbout;
  readonly signal: Cancellation;
  readonly find: (step: Step) => PoolEntry | undefined;
}

/** Above the steps' own time. */
const graceMs = 250;
/** For a thread that is still starting. */
const startMs = 10_000;
const maxPending = 5_000;

export async function runChain(ports: RunPorts, chain: Chain): Promise<readonly StepEnd[]> {
  const { steps, about, find, signal } = chain;
  const plan = toPlan(steps, find, about.client);
  const entered = plan.filter(isEntered);
  if (entered.length === 0)
    return conclude(
      merge(plan, () => unsaid),
      about,
    );
  const answer = signal.aborted ? cancelled : await send(ports, chain, entered);
  return conclude("ends" in answer ? toMerged(plan, answer.ends) : fail(plan, answer), about);
}

/** The thread's own word, or why there is none; `culprit` brought that about. */
type Answer =
  | { readonly ends: readonly HookEnd[] }
  | { readonly code: FailureCode; readonly why: string; readonly culprit?: number | undefined };

const cancelled: Answer = { code: "wall_timeout", why: "The call was cancelled" };
/** A step that is passed over in silence must not look like one that allows. */
const unsaid = toFailedEnd("crash", "The thread did not say what became of the step");
const late: Answer = { code: "wall_timeout", why: "The plugins' threads have too much to do" };

function send(ports: RunPorts, chain: Chain, entered: readonly Entered[]): Promise<Answer> {
  const { clock, crew, nextId } = ports;
  const { about, signal } = chain;
  const link = crew.pick();
  if (link === undefined) {
    return Promise.resolve({ code: "worker_lost", why: "No thread of plugins can be started" });
  }
  if (link.load() >= maxPending) return Promise.resolve(late);
  const id = nextId();
  const seed = toSeed(ports, about);
  const steps = entered.map((one) => toThreadStep(one, about.time, seed));
  // What a call may ask for is counted by its host.
  const asked = createCanceller();
  const hosts = entered.map(({ entry }) => entry.spec.host(about.client, asked.signal));
  return new Promise((resolve) => {
    const settle = (answer: Answer): void => {
      timer.cancel();
      signal.removeEventListener("abort", cancel);
      resolve(answer);
    };
    const giveUp = (answer: Answer): void => {
      link.forget(id);
      link.tell({ type: "cancel", id });
      asked.abort();
      settle(answer);
    };
    const cancel = (): void => giveUp(cancelled);
    const timer = clock.after(budgetOf(entered, link), () => giveUp(late));
    signal.addEventListener("abort", cancel, { once: true });
    link.order(
      { type: "run", id, steps },
      {
        ended: (report) => settle(report.type === "ended" ? { ends: report.ends } : late),
        asks: (report) => void answerAsk(report, link, hosts),
        lost: (loss) => {
          asked.abort();
          settle(toAnswer(loss));
        },
      },
    );
  });
}

function toAnswer({ why, plugin }: Loss): Answer {
  return { code: "worker_lost", why: `The thread is lost: ${why}`, culprit: plugin };
}

function budgetOf(entered: readonly Entered[], link: Link): number {
  let ms = link.isReady() ? graceMs : graceMs + startMs;
  for (const { step, entry } of entered) ms += wallBudget(entry.spec.limits, step);
  return ms;
}

/** The same exchange gives the same numbers, and another one gives others. */
function toSeed({ crypto }: RunPorts, { id }: StepsAbout): number {
  return Number.parseInt(crypto.sha256(id).slice(0, 8), 16);
}

async function answerAsk(
  { ask, step, name, args }: Extract<Report, { readonly type: "ask" }>,
  link: Link,
  hosts: readonly HostCall[],
): Promise<void> {
  const none: HostAnswer = { fault: "The gateway cannot do this now" };
  const answer = await hosts[step]?.(name, args).catch(() => none);
  link.tell({ type: "answer", ask, answer: answer ?? none });
}

function toMerged(plan: readonly Planned[], ends: readonly HookEnd[]): readonly Merged[] {
  const left = ends.values();
  const merged = merge(plan, () => left.next().value ?? unsaid);
  const reached = new Set(merged.map(({ planned }) => planned));
  for (const { planned, end } of merged) if (isEntered(planned)) judge(planned, end);
  for (const planned of plan) if (!reached.has(planned)) giveBack(planned);
  return merged;
}

function judge({ quarantine, way }: Entered, { outcome }: HookEnd): void {
  if (outcome.action === "failed") quarantine.failed(way, outcome.code, outcome.why);
  else quarantine.succeeded(way);
}

function giveBack(planned: Planned): void {
  if (isEntered(planned)) planned.quarantine.giveBack(planned.way);
}

/**
 * No step is known to have come to anything, so each one failed; it is no fault of the plugins but
 * of the one that took the thread down.
 */
function fail(
  plan: readonly Planned[],
  { code, why, culprit }: Exclude<Answer, { readonly ends: unknown }>,
): readonly Merged[] {
  for (const planned of plan) {
    if (!isEntered(planned)) continue;
    const { entry, quarantine, way } = planned;
    if (entry.number === culprit) quarantine.failed(way, code, why);
    else giveBack(planned);
  }
  return merge(plan, () => toFailedEnd(code, why));
}

function conclude(merged: readonly Merged[], { id }: StepsAbout): readonly StepEnd[] {
  return merged.map((one) => {
    const { planned, end } = one;
    planned.entry?.counters.count(planned.step.hook, end);
    planned.entry?.spec.meter?.(planned.step.hook, end);
    planned.entry?.writeLogs(id, end.logs);
    return toStepEnd(one);
  });
}
