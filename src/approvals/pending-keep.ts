/** Where calls that wait are kept: one sealed list for each client, so that none crowds out another. */
import { type Sealer, type Store, StoreLost } from "../core/index.ts";
import { type PendingEntry, parsePending, toPendingText } from "./pending-text.ts";

/** What a change makes of a list; without `next` nothing is written. */
export interface PendingChange<T> {
  readonly next?: readonly PendingEntry[];
  readonly result: T;
}
export interface PendingKeep {
  readonly read: (client: string) => Promise<readonly PendingEntry[]>;
  /** `act` may be called again, where somebody else has changed the list meanwhile. */
  readonly change: <T>(
    client: string,
    act: (entries: readonly PendingEntry[]) => PendingChange<T>,
  ) => Promise<T>;
}

/** Each round that is lost is a change that somebody else has made. */
const maxRounds = 50;
/** Longer than any entry lives. */
const ttlMs = 2 * 86_400_000;

/**
 * What cannot be opened, since it was changed by hand or its key is gone, counts as nothing: whoever
 * waits is asked about again, and nobody passes. `replace` keeps nothing in this process while the
 * store is lost, so that no yes is used twice.
 */
export function createPendingKeep(store: Store, sealer: Sealer, now: () => number): PendingKeep {
  const keyOf = (client: string): string => `approvals:${client}`;
  const load = async (client: string) => {
    const kept = await readValue(store, keyOf(client));
    const opened = kept === undefined ? undefined : await sealer.open(kept);
    const entries = opened === undefined ? undefined : parsePending(opened);
    const time = now();
    return { kept, entries: entries?.filter(({ until }) => time < until) ?? [] };
  };
  return {
    read: async (client) => (await load(client)).entries,
    change: async (client, act) => {
      for (let round = 0; round < maxRounds; round++) {
        const { kept, entries } = await load(client);
        const { next, result } = act(entries);
        if (next === undefined) return result;
        const sealed = await sealer.seal(toPendingText(next));
        if (await store.replace(keyOf(client), kept, sealed, ttlMs)) return result;
      }
      throw new StoreLost(
        "refused",
        "Cannot change the approvals: others change them all the time",
      );
    },
  };
}

async function readValue(store: Store, key: string): Promise<string | undefined> {
  try {
    return await store.get(key);
  } catch (error) {
    if (error instanceof StoreLost) throw error;
    await store.delete(key);
    return undefined;
  }
}
