/** Workers on Node: processes that share the supervisor's listening sockets. */
import cluster, { type Worker } from "node:cluster";
import process from "node:process";
import type { SignalName, WorkerHandle, Workers, WorkerStart } from "./runtime.ts";
import type { Signals } from "./signals.ts";

/** To the worker: first who it is, once it has asked, then signals. */
type Order = { readonly index: number; readonly init: unknown } | { readonly signal: SignalName };
/** To the supervisor. */
type Report = "hello" | { readonly told: unknown };

export async function openNodeWorkers(signals: Signals): Promise<Workers> {
  const { worker } = cluster;
  if (worker !== undefined) return await beWorker(worker, signals);
  return { isWorker: false, start };
}

function start({ index, init, hear }: WorkerStart): WorkerHandle {
  stayAlive();
  const worker = cluster.fork();
  const send = (order: Order): void => {
    // A worker that has gone is heard of by its exit.
    if (worker.isConnected()) worker.process.send(order, undefined, undefined, () => undefined);
  };
  /** What is sent before the worker listens is lost; undefined from then on. */
  let early: SignalName[] | undefined = [];
  worker.on("message", (report: Report) => {
    if (report !== "hello") return hear(report.told);
    send({ index, init });
    for (const signal of early ?? []) send({ signal });
    early = undefined;
  });
  const exited = new Promise<number | undefined>((resolve) => {
    worker.once("exit", (code: number | null) => resolve(code ?? undefined));
    worker.once("error", () => resolve(undefined));
  });
  return {
    signal: (signal) => {
      if (early === undefined) send({ signal });
      else early.push(signal);
    },
    kill: () => void worker.process.kill("SIGKILL"),
    exited,
  };
}

async function beWorker(worker: Worker, signals: Signals): Promise<Workers> {
  // Else Node ends the process at once when the supervisor dies, and the calls with it.
  worker.exitedAfterDisconnect = true;
  process.once("disconnect", () => signals.hand("SIGTERM"));
  const { index, init } = await new Promise<{ index: number; init: unknown }>((resolve) => {
    process.on("message", (order: Order) => {
      if ("signal" in order) signals.hand(order.signal);
      else resolve(order);
    });
    void report("hello");
  });
  return { isWorker: true, index, init, tell: (told) => report({ told }) };
}

function report(what: Report): Promise<void> {
  return new Promise((resolve) => {
    // Whoever does not hear it any more is gone, and this worker ends for that reason.
    if (process.connected) process.send?.(what, undefined, undefined, () => resolve());
    else resolve();
  });
}

let isStaying = false;

/** A supervisor whose workers are all to be started again has nothing else that keeps it running. */
function stayAlive(): void {
  if (!isStaying) setInterval(() => undefined, 2 ** 30);
  isStaying = true;
}
