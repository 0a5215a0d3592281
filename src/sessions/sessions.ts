/** Sessions of legacy clients: a sealed id that the client carries, and its facts in the store. */
import { type ClientIdentity, type Ports, createSealer } from "../core/index.ts";
import { LRUCache } from "lru-cache";
import { type HeldSession, createHeld } from "./held.ts";
import { type SessionFacts, formatFacts, parseFacts } from "./facts.ts";

export type { SessionFacts } from "./facts.ts";

export interface Sessions {
  /** The session id to give to the client: visible ASCII, at most 1 KiB. */
  readonly open: (client: ClientIdentity, facts: SessionFacts) => Promise<string>;
  /** Undefined for a forged, foreign, ended or expired one alike. */
  readonly find: (
    token: string,
    client: ClientIdentity,
  ) => Promise<({ readonly id: string } & SessionFacts) | undefined>;
  /** Whether there was such a session of this client. */
  readonly end: (token: string, client: ClientIdentity) => Promise<boolean>;
}

interface Opened extends HeldSession {
  /** Digest of the client and subject it was opened for. */
  readonly owner: string;
  /** When its time in the store was last set; it lives anew from then. */
  refreshedAt: number;
}

const ttlMs = 24 * 60 * 60 * 1000;
const refreshAfterMs = 60_000;
const maxTokenLength = 1024;
/** Of one client, whatever its subjects: more than anybody has open, and a few MiB at worst. */
const maxPerClient = 1000;
const keyBytes = 32;
const idBytes = 16;
/** Opened tokens that are kept, so that a session in use costs one digest and no decryption. */
const maxOpened = 10_000;
const form = /^([0-9a-f]{32})\.([0-9a-f]{64})$/;

/**
 * The id inside is 128 random bits; the seal binds it to the client and subject that opened the
 * session, so that whoever else presents it is told what any stranger is told (session hijacking,
 * MCP security best practices). The key is of this process, and so are the sessions of a client
 * that are counted: the one over its cap ends the one it used least recently, never another's.
 */
export async function createSessions(
  ports: Pick<Ports, "store" | "crypto" | "clock">,
): Promise<Sessions> {
  const { store, crypto, clock } = ports;
  const sealer = createSealer([crypto.randomBytes(keyBytes)], "session");
  const cache = new LRUCache<string, Opened>({ max: maxOpened });
  const held = createHeld(maxPerClient, (client, id) => store.delete(keyOf(client, id)));
  const owners = new WeakMap<ClientIdentity, string>();
  const ownerOf = (client: ClientIdentity): string => {
    const known = owners.get(client);
    if (known !== undefined) return known;
    const owner = crypto.sha256(JSON.stringify([client.name, client.subject ?? null]));
    owners.set(client, owner);
    return owner;
  };

  const unseal = async (token: string, client: ClientIdentity): Promise<Opened | undefined> => {
    if (token.length > maxTokenLength) return undefined;
    const digest = crypto.sha256(token);
    let opened = cache.get(digest);
    if (opened === undefined) {
      const [, id, owner] = form.exec((await sealer.open(token)) ?? "") ?? [];
      if (id === undefined || owner === undefined) return undefined;
      opened = cache.get(digest) ?? { id, owner, refreshedAt: -Infinity, ended: false };
      cache.set(digest, opened);
    }
    return opened.owner === ownerOf(client) && !opened.ended ? opened : undefined;
  };
  const refresh = async (opened: Opened, key: string, text: string): Promise<void> => {
    const now = clock.elapsed();
    if (now - opened.refreshedAt < refreshAfterMs) return;
    opened.refreshedAt = now;
    await store.set(key, text, ttlMs);
  };

  return {
    open: async (client, facts) => {
      const id = toHex(crypto.randomBytes(idBytes));
      const owner = ownerOf(client);
      await store.set(keyOf(client, id), formatFacts(facts), ttlMs);
      const token = await sealer.seal(`${id}.${owner}`);
      const opened = { id, owner, refreshedAt: clock.elapsed(), ended: false };
      cache.set(crypto.sha256(token), opened);
      await held.use(client, opened);
      return token;
    },
    find: async (token, client) => {
      const opened = await unseal(token, client);
      if (opened === undefined) return undefined;
      const key = keyOf(client, opened.id);
      const text = await store.get(key);
      const facts = text === undefined ? undefined : parseFacts(text);
      // Refreshed after it ended in the meantime, the session would come to life again.
      if (text === undefined || facts === undefined || opened.ended) return undefined;
      // At once, so that nothing ends it in between.
      await Promise.all([held.use(client, opened), refresh(opened, key, text)]);
      return { id: opened.id, ...facts };
    },
    end: async (token, client) => {
      const opened = await unseal(token, client);
      if (opened === undefined) return false;
      const key = keyOf(client, opened.id);
      const found = (await store.get(key)) !== undefined;
      opened.ended = true;
      held.drop(client, opened);
      await store.delete(key);
      return found;
    },
  };
}

function keyOf(client: ClientIdentity, id: string): string {
  return `session:${client.name}:${id}`;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
