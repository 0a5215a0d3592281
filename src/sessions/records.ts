/** The records of sessions in the store, and that none of them is there again once it has ended. */
import { type ClientIdentity, type Ports, StoreLost } from "../core/index.ts";
import { sessionKey } from "./keys.ts";
import { type SessionRecord, parseRecord } from "./record.ts";
import { createTombs } from "./tombs.ts";

export interface Records {
  /** `known` spares the reading where nothing has changed. Undefined where the session is gone. */
  readonly get: (
    client: ClientIdentity,
    id: string,
    known: SessionRecord | undefined,
  ) => Promise<SessionRecord | undefined>;
  /** Its time begins anew. False where it has ended meanwhile, and then nothing is left of it. */
  readonly set: (client: ClientIdentity, id: string, record: SessionRecord) => Promise<boolean>;
  /** Holds at once in this process; settles when it holds everywhere. */
  readonly end: (client: ClientIdentity, id: string) => Promise<void>;
  /** Whether it has ended in this process: to be asked after whatever was waited for. */
  readonly hasEnded: (client: ClientIdentity, id: string) => boolean;
  /** Entries in memory. */
  readonly entries: () => number;
}

/** What began to be written before a session ended lives no longer than this. */
const graceMs = 60 * 60 * 1000;

export function createRecords(
  ports: Pick<Ports, "store" | "clock"> & Partial<Pick<Ports, "log">>,
  ttlMs: number,
): Records {
  const { store, log } = ports;
  const tombs = createTombs(ports, ttlMs + graceMs);
  return {
    get: async (client, id, known) => {
      const [text, isEnded] = await Promise.all([
        valueOf(store.get(sessionKey(client, id))),
        tombs.find(client, id),
      ]);
      if (text === undefined || isEnded) return undefined;
      if (known !== undefined && known.text === text) return known;
      const record = text === notOurs ? undefined : parseRecord(text);
      if (record === undefined) {
        log?.warn("What the store kept of a session was changed by hand, and the session ends", {
          client: client.name,
        });
      }
      return record;
    },
    set: async (client, id, record) => {
      if (tombs.knows(client, id)) return false;
      await store.set(sessionKey(client, id), record.text, ttlMs);
      if (!tombs.knows(client, id)) return true;
      await store.delete(sessionKey(client, id));
      return false;
    },
    end: tombs.set,
    hasEnded: tombs.knows,
    entries: tombs.entries,
  };
}

const notOurs = Symbol("notOurs");

/** What was changed by hand may be no value at all, and no session either. */
async function valueOf(
  value: Promise<string | undefined>,
): Promise<string | undefined | typeof notOurs> {
  try {
    return await value;
  } catch (error) {
    if (error instanceof StoreLost) throw error;
    return notOurs;
  }
}
