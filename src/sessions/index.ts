/** Legacy clients. */
export type { OpenQuestion, Questions } from "./questions.ts";
export type { SessionFacts, SessionState } from "./record.ts";
export { type Session, type Sessions, createSessions } from "./sessions.ts";
export type { EventLog, Matter, Streams } from "./streams.ts";
