/** What a plugins' thread is made of; the room's own face stands on the other side of the line. */
export { createEngine } from "../engine/create-engine.ts";
export { serveThread } from "./serve-thread.ts";
export type { Order, Packed, Report, ThreadPorts } from "./messages.ts";
