/** Which sessions each client holds, so that nobody displaces more than sessions of his own. */
import type { ClientIdentity } from "../core/index.ts";
import { LRUCache } from "lru-cache";

export interface HeldSession {
  readonly id: string;
  /** Set when it ends, for whoever is still reading it. */
  ended: boolean;
}
export interface Held {
  /** Counts a session as used just now; ends the client's least recently used one over the cap. */
  readonly use: (client: ClientIdentity, session: HeldSession) => Promise<void>;
  readonly drop: (client: ClientIdentity, session: HeldSession) => void;
}

/**
 * A store displaces what was idle longest, whoever owns it: a client that keeps opening sessions
 * would end everybody's. `end` takes a session out of the store.
 */
export function createHeld(
  maxPerClient: number,
  end: (client: ClientIdentity, id: string) => Promise<void>,
): Held {
  // By name, so there are no more entries than clients in the config.
  const byClient = new Map<string, LRUCache<string, HeldSession>>();
  return {
    use: async (client, session) => {
      let sessions = byClient.get(client.name);
      if (sessions === undefined) {
        sessions = new LRUCache({ max: maxPerClient });
        byClient.set(client.name, sessions);
      }
      const isNew = !sessions.has(session.id);
      const displaced = isNew && sessions.size >= maxPerClient ? sessions.pop() : undefined;
      sessions.set(session.id, session);
      if (displaced === undefined) return;
      displaced.ended = true;
      await end(client, displaced.id);
    },
    drop: (client, session) => {
      byClient.get(client.name)?.delete(session.id);
    },
  };
}
