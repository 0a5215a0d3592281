/**
 * The plugins' threads: `sandbox-worker` of this program, by `node:worker_threads` on both runtimes.
 *
 * What a thread is denied is a second wall behind the engine's. Node: an empty environment, a heap
 * of its own, no standard streams, none of the modules that the program was started with. Deno: the
 * environment alone. `deno: { permissions }` is not heard by `node:worker_threads`, ends the process
 * in a web worker without `--unstable-worker-options`, and what a thread gives back itself, the
 * whole program loses.
 */
import { availableParallelism } from "node:os";
import process from "node:process";
import { Worker } from "node:worker_threads";
import type { Thread, ThreadEars, Threads } from "../core/index.ts";
import { denoGlobal } from "./deno-global.ts";

/** The module as it stands beside this one: TypeScript in the repository, JavaScript in the package. */
const program = new URL(
  import.meta.url.endsWith(".ts") ? "../sandbox-worker.ts" : "../sandbox-worker.js",
  import.meta.url,
);
/** Payloads and replies of the calls under way; what the plugins themselves take is bounded in the engine. */
const defaultHeapMb = 512;
/** Most answers come within it. On Deno a loop that turns hears of them later than one that sleeps. */
const momentMs = 0.5;

export interface ThreadsSettings {
  readonly module?: URL;
  readonly heapMb?: number;
}

export function createThreads(settings: ThreadsSettings = {}): Threads {
  const { module, heapMb } = { module: program, heapMb: defaultHeapMb, ...settings };
  const isNode = denoGlobal() === undefined;
  const execArgv = isNode && module.pathname.endsWith(".ts") ? loadersOf(process.execArgv) : [];
  const cores = availableParallelism();
  return {
    cores,
    endsBusy: isNode,
    momentMs: isNode && cores > 1 ? momentMs : 0,
    turn: (act) => void setImmediate(act),
    start: (ears) => start(module, { execArgv, heapMb }, ears),
  };
}

interface Means {
  readonly execArgv: readonly string[];
  readonly heapMb: number;
}
function start(module: URL, { execArgv, heapMb }: Means, { hear, ended }: ThreadEars): Thread {
  const worker = new Worker(module, {
    env: {},
    execArgv: [...execArgv],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
  });
  // What is not read is kept.
  worker.stdout.resume();
  worker.stderr.resume();
  let why: string | undefined;
  let isOver = false;
  worker.on("message", (message: unknown) => {
    if (!isOver) hear(message);
  });
  worker.on("error", (error: unknown) => {
    why = error instanceof Error ? error.message : String(error);
  });
  worker.once("exit", (code) => {
    if (isOver) return;
    isOver = true;
    ended(why ?? `It ended with code ${code}`);
  });
  return {
    post: (message) => worker.postMessage(message, []),
    terminate: () => {
      isOver = true;
      // On Deno a busy one does not end, and must not keep the process.
      worker.unref();
      void worker.terminate();
    },
  };
}

/** A source that Node cannot read by itself is read the way this program was. */
function loadersOf(args: readonly string[]): readonly string[] {
  return args.flatMap((arg, at) => {
    if (arg.startsWith("--import=")) return [arg];
    const module = args[at + 1];
    return arg === "--import" && module !== undefined ? [arg, module] : [];
  });
}
