/** Legacy clients. */
export { type SessionFacts, type Sessions, createSessions } from "./sessions.ts";
