/**
 * The plugins' thread. The gateway starts it, tells it what to run, and believes nothing that a
 * plugin says: what a plugin reaches here is the engine alone.
 */
import { hash, randomUUID } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { type Order, type Packed, createEngine, serveThread } from "./sandbox/thread/index.ts";

const port = parentPort;
if (port === null) throw new Error("The gateway starts this module, as a thread");

const elapsed = (): number => performance.now();
const after = (ms: number, act: () => void): { readonly cancel: () => void } => {
  const timer = setTimeout(act, ms);
  return { cancel: () => clearTimeout(timer) };
};
const turn = (act: () => void): void => void setImmediate(act);
const sha256 = (data: string | Uint8Array): string => hash("sha256", data, "hex");

const take = serveThread(() => createEngine({ elapsed, after, sha256, randomUUID }), {
  elapsed,
  after,
  turn,
  post: (report) => port.postMessage(report),
});
port.on("message", (order: Order | Packed) => take(order));
