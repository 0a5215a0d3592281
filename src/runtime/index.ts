/** The ground: Node and Deno behind one face. */
export { openRuntime } from "./open-runtime.ts";
export { LockedError } from "./runtime.ts";
export type {
  ConfigFiles,
  FileLock,
  Listening,
  Peer,
  Progress,
  Runtime,
  Serve,
  ServeOptions,
  SignalName,
  Terminal,
  Tls,
  WorkerHandle,
  Workers,
  WorkerStart,
} from "./runtime.ts";
