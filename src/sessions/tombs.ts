/** Which sessions have ended: a mark in the store that outlives whatever is still being written. */
import { type ClientIdentity, type Ports, StoreLost } from "../core/index.ts";
import { createExpiry } from "./expiry.ts";
import { sessionKey, tombKey } from "./keys.ts";

export interface Tombs {
  /** Whether it was set in this process. */
  readonly knows: (client: ClientIdentity, id: string) => boolean;
  /** Whether the store has it. */
  readonly find: (client: ClientIdentity, id: string) => Promise<boolean>;
  /** Known from now on; settles when the store has it and the session is deleted. */
  readonly set: (client: ClientIdentity, id: string) => Promise<void>;
  /** Entries in memory. */
  readonly entries: () => number;
}

interface Tomb {
  readonly client: ClientIdentity;
  readonly id: string;
}

/** Of one client: they are for what is under way, and ending sessions all day must fill no store. */
const maxPerClient = 256;

/**
 * A key of its own: a store has no compare-and-set, so a change that was begun before the session
 * ended, here or in another instance, may still write the session's key, and must not revive it.
 * `ttlMs` is longer than a session lives. Over the cap the oldest go, and with each of them whatever
 * was written to its session meanwhile.
 */
export function createTombs(
  { store, clock }: Pick<Ports, "store" | "clock">,
  ttlMs: number,
): Tombs {
  const byClient = new Map<string, Map<string, Tomb>>();
  const drop = (tomb: Tomb): void => {
    const tombs = byClient.get(tomb.client.name);
    tombs?.delete(tomb.id);
    if (tombs?.size === 0) byClient.delete(tomb.client.name);
    expiry.drop(tomb);
  };
  const expiry = createExpiry<Tomb>(clock, ttlMs, drop);

  /** Gives back the one that had to go. */
  const note = (tomb: Tomb): Tomb | undefined => {
    const tombs = byClient.get(tomb.client.name) ?? new Map<string, Tomb>();
    byClient.set(tomb.client.name, tombs);
    if (tombs.has(tomb.id)) return undefined;
    tombs.set(tomb.id, tomb);
    expiry.touch(tomb);
    const [oldest] = tombs.values();
    if (oldest === undefined || tombs.size <= maxPerClient) return undefined;
    drop(oldest);
    return oldest;
  };

  return {
    knows: (client, id) => byClient.get(client.name)?.has(id) === true,
    find: async (client, id) => {
      try {
        return (await store.get(tombKey(client, id))) !== undefined;
      } catch (error) {
        if (error instanceof StoreLost) throw error;
        // Whatever was made of it by hand, it is there.
        return true;
      }
    },
    set: async (client, id) => {
      const oldest = note({ client, id });
      await store.set(tombKey(client, id), "ended", ttlMs);
      await store.delete(sessionKey(client, id));
      if (oldest === undefined) return;
      await store.delete(sessionKey(oldest.client, oldest.id));
      await store.delete(tombKey(oldest.client, oldest.id));
    },
    entries: () => expiry.entries() + byClient.size,
  };
}
