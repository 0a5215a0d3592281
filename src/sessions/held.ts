/** The sessions this process knows, so that nobody displaces more than sessions of his own. */
import type { ClientIdentity, Clock } from "../core/index.ts";
import { LRUCache } from "lru-cache";
import { createExpiry } from "./expiry.ts";
import type { SessionRecord } from "./record.ts";

export interface HeldSession {
  readonly client: ClientIdentity;
  readonly id: string;
  /** SHA-256 of the token it was last found by. */
  readonly digest: string;
  /** As it was last read or written. */
  readonly record: SessionRecord;
  /** When its time in the store was last set. */
  readonly refreshedAt: number;
}
export interface HeldSettings {
  readonly maxPerClient: number;
  /** UTF-16 units of the records of one client. */
  readonly maxUnitsPerClient: number;
  readonly ttlMs: number;
}
export interface Held {
  readonly get: (id: string) => HeldSession | undefined;
  /** Counts a session as used just now; gives back the least recently used that exceed the caps. */
  readonly use: (session: HeldSession) => readonly HeldSession[];
  /** Undefined where it is not held. */
  readonly drop: (id: string) => HeldSession | undefined;
  readonly count: () => number;
  /** Entries in memory. */
  readonly entries: () => number;
}

/**
 * A store displaces what was idle longest, whoever owns it: a client that keeps opening sessions,
 * or fills them, would end everybody's. `idle` hears of a session that nobody used for `ttlMs`; it
 * is no longer held then.
 */
export function createHeld(
  clock: Clock,
  settings: HeldSettings,
  idle: (session: HeldSession) => void,
): Held {
  const sessions = new Map<string, HeldSession>();
  const byClient = new Map<string, LRUCache<string, HeldSession>>();
  let displaced: HeldSession[] = [];

  const ofClient = (name: string): LRUCache<string, HeldSession> => {
    const known = byClient.get(name);
    if (known !== undefined) return known;
    const created = new LRUCache<string, HeldSession>({
      max: settings.maxPerClient,
      maxSize: settings.maxUnitsPerClient,
      sizeCalculation: ({ record }) => record.text.length,
      dispose: (session, _, reason) => {
        if (reason === "evict") displaced.push(session);
      },
    });
    byClient.set(name, created);
    return created;
  };
  const drop = (id: string): HeldSession | undefined => {
    const session = sessions.get(id);
    if (session === undefined) return undefined;
    sessions.delete(id);
    expiry.drop(id);
    const { name } = session.client;
    byClient.get(name)?.delete(id);
    if (byClient.get(name)?.size === 0) byClient.delete(name);
    return session;
  };
  const expiry = createExpiry<string>(clock, settings.ttlMs, (id) => {
    const session = drop(id);
    if (session !== undefined) idle(session);
  });

  return {
    get: (id) => sessions.get(id),
    use: (session) => {
      sessions.set(session.id, session);
      ofClient(session.client.name).set(session.id, session);
      expiry.touch(session.id);
      const gone = displaced;
      displaced = [];
      for (const { id } of gone) drop(id);
      return gone;
    },
    drop,
    count: () => sessions.size,
    entries: () => sessions.size + byClient.size + expiry.entries(),
  };
}
