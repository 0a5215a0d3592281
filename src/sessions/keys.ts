/** The store's keys of a session. The id ends them and has a fixed form, so no two are the same. */
import type { ClientIdentity } from "../core/index.ts";

export function sessionKey(client: ClientIdentity, id: string): string {
  return `session:${client.name}:${id}`;
}

export function tombKey(client: ClientIdentity, id: string): string {
  return `session-end:${client.name}:${id}`;
}
