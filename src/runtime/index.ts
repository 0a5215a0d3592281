/** The ground: Node and Deno behind one face. */
export { openRuntime } from "./open-runtime.ts";
export type {
  ConfigFiles,
  Listening,
  Peer,
  Runtime,
  Serve,
  ServeOptions,
  SignalName,
} from "./runtime.ts";
