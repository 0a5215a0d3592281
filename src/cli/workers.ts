/** `mcp-gw start --workers N`: this program N times on one port, and one process that keeps them running. */
import type { LoadedConfig } from "../config/index.ts";
import type { FileLock, Runtime, SignalName, Workers } from "../runtime/index.ts";
import { auditLockOf } from "../instance.ts";
import { startFault } from "./start-fault.ts";
import { type WorkerInit, type WorkerReady, forWorker } from "./workers-member.ts";
import { WorkerFailed, createSupervisor } from "./workers-supervisor.ts";

const maxWorkers = 64;
/** For what comes after the last call: the record is written, upstreams are ended. */
const closingMs = 5_000;

export interface RunWorkersSettings {
  readonly count: number;
  readonly workers: Extract<Workers, { isWorker: false }>;
  readonly runtime: Runtime;
  readonly loaded: LoadedConfig;
  readonly handed: Pick<WorkerInit, "adminToken" | "tokenSeed">;
  /** How other commands find it. */
  readonly announcement: {
    readonly tell: (ready: WorkerReady) => Promise<void>;
    readonly forget: () => Promise<void>;
  };
}

/** `--workers`: how many; undefined where that is no number of workers. */
export function parseWorkers(text: string): number | undefined {
  const count = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= maxWorkers ? count : undefined;
}
export const workersFault = `--workers takes a whole number from 1 to ${maxWorkers}`;

/** Runs until a signal ends it, or a worker fails at its first start; gives the exit code. */
export async function runWorkers(settings: RunWorkersSettings): Promise<number> {
  const { count, workers, runtime, loaded } = settings;
  const refusal = refusalOf(loaded, workers);
  if (refusal !== undefined) {
    console.error(refusal);
    return 1;
  }
  let lock: FileLock;
  try {
    // Two gateways on one config would let their workers write the same files.
    lock = await runtime.lock(auditLockOf(loaded));
  } catch (error) {
    console.error(startFault(error, loaded));
    return 1;
  }
  const supervision = supervise(settings);
  const isEnded = endOnSignal(settings, supervision);
  try {
    await supervision.supervisor.begin();
    if (count > 1) console.log(`${count} workers serve it`);
  } catch (error) {
    if (!supervision.isEnding()) {
      console.error(error instanceof WorkerFailed ? error.message : startFault(error, loaded));
      await supervision.end("SIGTERM");
      await lock.release();
      return 1;
    }
  }
  const isWell = await isEnded;
  await lock.release();
  return isWell ? 0 : 1;
}

function refusalOf(
  { config }: LoadedConfig,
  { refusal }: RunWorkersSettings["workers"],
): string | undefined {
  if (config.store === "memory") {
    return "Workers need the Redis store: without it each counts its own calls and knows its own sessions and blocks alone (set store.redis, or start without --workers)";
  }
  return refusal === undefined ? undefined : `Cannot start workers: ${refusal}`;
}

function supervise({ count, workers, runtime, loaded, handed, announcement }: RunWorkersSettings) {
  let port: number | undefined;
  let { drain } = loaded.config;
  let isEnding = false;
  const supervisor = createSupervisor<WorkerReady>({
    ...runtime,
    count,
    start: workers.start,
    initOf: (index, isFirst): WorkerInit => ({
      ...handed,
      isAdministered: index === 1,
      speaks: index === 1 && isFirst,
      ...(port === undefined ? {} : { port }),
    }),
    ready: (index, ready) => {
      if (index !== 1) return;
      // On Node they share whatever the system gave; threads must be told which one that is.
      if (runtime.name === "deno") port ??= portOf(ready.url);
      ({ drain } = ready);
      if (!isEnding) void announcement.tell(ready);
    },
    // Whoever was killed could not give its lock back, and nobody else may have it.
    gone: (index) => runtime.config.remove(auditLockOf(forWorker(loaded, index))),
  });
  const end = async (name: SignalName): Promise<boolean> => {
    isEnding = true;
    await announcement.forget();
    supervisor.signal(name);
    const graceMs = name === "SIGINT" ? 0 : drain.graceMs;
    return await supervisor.end(graceMs + drain.deadlineMs + closingMs);
  };
  return { supervisor, end, isEnding: () => isEnding };
}

/** Settles when all have ended, with whether they ended well. */
function endOnSignal(
  { runtime }: RunWorkersSettings,
  { supervisor, end, isEnding }: ReturnType<typeof supervise>,
): Promise<boolean> {
  return new Promise((resolve) => {
    const follow = (name: SignalName): void => {
      // A second one does not wait: workers end as well when their supervisor has gone.
      if (isEnding()) return runtime.exit(130);
      end(name).then(resolve, (error: unknown) => {
        runtime.log.error("Cannot end cleanly", { error: String(error) });
        resolve(false);
      });
    };
    runtime.onSignal("SIGINT", () => follow("SIGINT"));
    runtime.onSignal("SIGTERM", () => follow("SIGTERM"));
    runtime.onSignal("SIGHUP", () => supervisor.signal("SIGHUP"));
  });
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}
