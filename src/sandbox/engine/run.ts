/** One call of one hook in a guest, from the first string in to the last one out. */
import {
  type FailureCode,
  type GuestLog,
  type HookCall,
  type HookEnd,
  type HostCall,
  type Outcome,
  type PluginLimits,
  hooks,
} from "../face.ts";
import { parseExplanation } from "./explain.ts";
import { bootstrapName, guestCaps, marks } from "./guest/bootstrap.ts";
import { outOfMemory, outOfTime, type Guest } from "./guest.ts";
import { createAsks, type Asks } from "./asks.ts";
import { parseExtras } from "./extras.ts";
import { runJobs } from "./jobs.ts";
import { cpuBudget, wallBudget } from "../budget.ts";
import { maxJobs } from "./limits.ts";
import type { EnginePorts } from "./ports.ts";
import { findParts } from "./ctx-parts.ts";
import { toOutcome } from "./verdict.ts";

export type RunPorts = Pick<EnginePorts, "elapsed" | "after">;

interface Run {
  readonly guest: Guest;
  readonly call: HookCall;
  readonly limits: PluginLimits;
  readonly ports: RunPorts;
  readonly asks: Asks;
  readonly logs: GuestLog[];
  readonly startedAt: number;
  readonly wallEnd: number;
}

/** What the guest's functions say: a mark, and what stands behind it. */
interface Said {
  readonly mark: string;
  readonly text: string;
}

class Failure extends Error {
  readonly code: FailureCode;
  constructor(code: FailureCode, why: string) {
    super(why);
    this.code = code;
  }
}

/** Neither throws nor rejects. Leaves the guest as the call left it; at once where it waits for nothing. */
export function runCall(
  guest: Guest,
  call: HookCall,
  limits: PluginLimits,
  host: HostCall,
  ports: RunPorts,
): HookEnd | Promise<HookEnd> {
  const startedAt = ports.elapsed();
  const wallEnd = startedAt + wallBudget(limits, call);
  const asks = createAsks(host);
  const run: Run = { guest, call, limits, ports, asks, logs: [], startedAt, wallEnd };
  try {
    const said = begin(run);
    return said.mark === marks.pending ? settle(run) : toEnd(run, conclude(run, said));
  } catch (error) {
    return toEnd(run, toFailed(run, error));
  }
}

async function settle(run: Run): Promise<HookEnd> {
  let outcome: Outcome;
  try {
    outcome = conclude(run, await wait(run));
  } catch (error) {
    outcome = toFailed(run, error);
  }
  return toEnd(run, outcome);
}

function toEnd({ guest, asks, logs, ports, startedAt }: Run, outcome: Outcome): HookEnd {
  return {
    outcome,
    ms: guest.clock.spentMs,
    wallMs: ports.elapsed() - startedAt,
    fuel: guest.core.fuel(),
    memory: guest.core.used(),
    hostCalls: asks.count(),
    logs,
  };
}

function begin(run: Run): Said {
  const { guest, call } = run;
  const { hook, ctx, now, seed } = call;
  const allowedMs = cpuBudget(run.limits, call);
  const { clock } = guest;
  clock.spentMs = clock.passedMs = 0;
  clock.allowedMs = allowedMs;
  clock.end = run.wallEnd;
  clock.now = now;
  const raw = hook === "onText" ? toRaw(call.payload) : undefined;
  const [payload, isRaw] = raw === undefined ? [call.payload, false] : [raw, true];
  const { mask, spans } = findParts(ctx);
  return run.guest.enter(() =>
    read(
      run,
      guest.callRaw("begin", hooks.indexOf(hook), payload, isRaw, now, seed, ctx, mask, ...spans),
    ),
  );
}

/**
 * A text goes in as it is, for the guest's own JSON takes nine tenths of the time of a call of 10 KB;
 * undefined where C would cut it (U+0000), or UTF-8 could not hold it.
 */
function toRaw(payload: string): string | undefined {
  let text: unknown;
  try {
    text = JSON.parse(payload);
  } catch {
    // The guest says so too.
    return undefined;
  }
  return typeof text === "string" && !text.includes("\0") && text.isWellFormed() ? text : undefined;
}

/** Until the promise that the hook gave is settled. */
async function wait(run: Run): Promise<Said> {
  const { guest, asks, ports, wallEnd } = run;
  let jobs = 0;
  for (;;) {
    const said = run.guest.enter(() => {
      const done = runJobs(guest, maxJobs - jobs);
      if (done === "flood")
        throw new Failure("too_many_jobs", `More than ${maxJobs} steps of promises`);
      if (typeof done !== "number") throw new Failure("threw", toWhy(done.thrown));
      jobs += done;
      return read(run, guest.callRaw("poll"));
    });
    if (said.mark !== marks.pending) return said;
    if (!asks.isOpen())
      throw new Failure("never_settles", "The promise waits for nothing that will ever come");
    // oxlint-disable-next-line no-await-in-loop -- the guest goes on with what comes
    const answers = await asks.next(wallEnd - ports.elapsed(), ports);
    if (answers.length === 0) throw new Failure("wall_timeout", "The hook waited for too long");
    run.guest.enter(() => {
      for (const { id, answer } of answers) {
        const [isValue, text] = "value" in answer ? [true, answer.value] : [false, answer.fault];
        const end = guest.call("answer", id, isValue, text);
        if ("thrown" in end) throw new Failure("threw", toWhy(end.thrown));
      }
    });
  }
}

/** Takes what the guest says out of its memory, and does what it asks for on the side. */
function read(run: Run, pointer: number): Said {
  const { guest, limits } = run;
  if (pointer === 0) throw new Failure("threw", "The guest's stack or memory ended");
  const length = guest.core.measure(pointer);
  if (length - 2 > limits.maxOutputKb * 1024)
    throw new Failure("output_too_large", `The verdict has more than ${limits.maxOutputKb} KB`);
  const said = {
    mark: characterAt(guest, pointer + 1),
    text: length > 2 ? guest.core.readText(pointer + 2, length - 2) : "",
  };
  if (characterAt(guest, pointer) === "1") readExtras(run);
  return said;
}

function characterAt({ core }: Guest, pointer: number): string {
  return String.fromCharCode(core.view().getUint8(pointer));
}

function readExtras({ guest, asks, logs }: Run): void {
  const pointer = guest.callRaw("extras");
  if (pointer === 0) return;
  const length = guest.core.measure(pointer);
  // Attack: what is read here costs the host's time and memory, and none of the guest's.
  if (length > guestCaps.extrasBytes)
    throw new Failure("output_too_large", "It logs and asks for too much at once");
  const extras = parseExtras(guest.core.readText(pointer, length));
  logs.push(...extras.logs.slice(0, guestCaps.logs - logs.length));
  for (const ask of extras.asked) asks.start(ask);
}

function conclude(run: Run, { mark, text }: Said): Outcome {
  if (mark === marks.allow) return { action: "allow" };
  if (mark === marks.verdict) return toOutcome(run.call, text);
  if (mark === marks.unreadable) throw new Failure("input_unreadable", toWhy(text));
  if (run.guest.core.isStarved()) throw outOfMemory;
  throw new Failure(mark === marks.threw ? "threw" : "bad_verdict", toWhy(text));
}

function toWhy(text: string): string {
  const isOwn = (file: string) => file !== bootstrapName && file !== "<input>";
  const { why, file, line } = parseExplanation(text, isOwn);
  return file === undefined ? why : `${why} (${file}:${line})`;
}

function toFailed({ guest, limits, ports, wallEnd }: Run, error: unknown): Outcome {
  const fail = (code: FailureCode, why: string): Outcome => ({ action: "failed", code, why });
  if (error === outOfTime)
    return ports.elapsed() > wallEnd
      ? fail("wall_timeout", "The hook took too long")
      : fail("timeout", `The hook computed for more than ${limits.cpuMs} ms`);
  if (error instanceof Failure && error.code !== "threw") return fail(error.code, error.message);
  if (error === outOfMemory || guest.core.isStarved())
    return fail("memory", `The hook took more than ${limits.memoryMb} MB`);
  if (error instanceof Failure) return fail(error.code, error.message);
  return fail("crash", `The engine broke: ${String(error)}`.slice(0, guestCaps.whyCharacters));
}
