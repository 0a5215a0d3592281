/**
 * Workers on Deno: threads that listen on one port each for itself. A process would have to be
 * given its permissions anew, nobody can read the lists that this one was given, and Node's `fork`
 * gives all permissions there are; a thread has those of its program.
 */
import process from "node:process";
import { pathToFileURL } from "node:url";
import { type MessagePort, Worker, parentPort, workerData } from "node:worker_threads";
import type { DenoGlobal } from "./deno-global.ts";
import type { SignalName, WorkerHandle, Workers, WorkerStart } from "./runtime.ts";
import type { Signals } from "./signals.ts";

interface Handed {
  readonly gatewayWorker: { readonly index: number; readonly init: unknown };
}

export function openDenoWorkers(signals: Signals, deno: DenoGlobal): Workers {
  const handed = workerData as Partial<Handed> | null | undefined;
  if (parentPort !== null && handed?.gatewayWorker !== undefined) {
    return beWorker(handed.gatewayWorker, parentPort, signals);
  }
  // Without the flag Deno ends the process in the middle of the start.
  const canShare = deno.listenDatagram !== undefined;
  const refusal =
    "Deno lets workers share a port only with --unstable-net (docs/deno.md has the whole command)";
  return { isWorker: false, start, ...(canShare ? {} : { refusal }) };
}

function start({ index, init, hear }: WorkerStart): WorkerHandle {
  const data: Handed = { gatewayWorker: { index, init } };
  const worker = new Worker(pathToFileURL(process.argv[1] ?? ""), {
    argv: process.argv.slice(2),
    workerData: data,
  });
  let isKilled = false;
  worker.on("message", hear);
  // Deno has printed it; the exit follows.
  worker.on("error", () => undefined);
  return {
    signal: (signal) => worker.postMessage(signal, []),
    kill: () => {
      isKilled = true;
      void worker.terminate();
    },
    exited: new Promise((resolve) => {
      worker.once("exit", (code) => resolve(isKilled ? undefined : code));
    }),
  };
}

function beWorker(
  { index, init }: Handed["gatewayWorker"],
  port: MessagePort,
  signals: Signals,
): Workers {
  port.on("message", (signal: SignalName) => signals.hand(signal));
  const tell = async (message: unknown): Promise<void> => port.postMessage(message);
  return { isWorker: true, index, init, tell };
}
