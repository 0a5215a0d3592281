/** The HTTP door. */
export { createAdminApp } from "./admin.ts";
export type { AdminOptions } from "./admin.ts";
export { createApp } from "./app.ts";
export type { AppOptions, Connection, DoorRefusal } from "./app.ts";
export { toConnection, toPeer } from "./bindings.ts";
export { problemResponse } from "./problem-response.ts";
export type { ProblemResponseExtra } from "./problem-response.ts";
