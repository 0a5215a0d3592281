/** The HTTP door. */
export { createApp } from "./app.ts";
export type { AppOptions, Connection, DoorRefusal } from "./app.ts";
export { problemResponse } from "./problem-response.ts";
export type { ProblemResponseExtra } from "./problem-response.ts";
