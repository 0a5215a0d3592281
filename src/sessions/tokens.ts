/** The sealed session ids that clients carry: whose session it is, and which. */
import type { ClientIdentity, Crypto, Seals } from "../core/index.ts";
import { LRUCache } from "lru-cache";

export interface OpenToken {
  readonly token: string;
  readonly id: string;
  /** SHA-256 of the token. */
  readonly digest: string;
}
export interface Tokens {
  readonly seal: (client: ClientIdentity, id: string) => Promise<OpenToken>;
  /** Undefined for one that is forged, or was sealed for another client or subject. */
  readonly open: (client: ClientIdentity, token: string) => Promise<OpenToken | undefined>;
  /** It is opened anew when it comes again. */
  readonly forget: (digest: string) => void;
  /** As `forget`, of all. */
  readonly forgetAll: () => void;
  /** Entries in memory. */
  readonly entries: () => number;
}

interface Content {
  readonly id: string;
  /** Digest of the client and subject it was sealed for. */
  readonly owner: string;
}

const maxTokenLength = 1024;
/** Opened tokens that are kept, so that a session in use costs one digest and no decryption. */
const maxOpened = 10_000;
const form = /^([0-9a-f]{32})\.([0-9a-f]{64})$/;

export function createTokens(crypto: Crypto, seals: Seals): Tokens {
  const sealer = seals("session");
  const opened = new LRUCache<string, Content>({ max: maxOpened });
  const owners = new WeakMap<ClientIdentity, string>();

  const ownerOf = (client: ClientIdentity): string => {
    const known = owners.get(client);
    if (known !== undefined) return known;
    const owner = crypto.sha256(JSON.stringify([client.name, client.subject ?? null]));
    owners.set(client, owner);
    return owner;
  };
  const unseal = async (token: string): Promise<Content | undefined> => {
    const [, id, owner] = form.exec((await sealer.open(token)) ?? "") ?? [];
    return id === undefined || owner === undefined ? undefined : { id, owner };
  };

  return {
    seal: async (client, id) => {
      const owner = ownerOf(client);
      const token = await sealer.seal(`${id}.${owner}`);
      const digest = crypto.sha256(token);
      opened.set(digest, { id, owner });
      return { token, id, digest };
    },
    open: async (client, token) => {
      if (token.length > maxTokenLength) return undefined;
      const digest = crypto.sha256(token);
      const content = opened.get(digest) ?? (await unseal(token));
      if (content === undefined) return undefined;
      opened.set(digest, content);
      return content.owner === ownerOf(client) ? { token, id: content.id, digest } : undefined;
    },
    forget: (digest) => {
      opened.delete(digest);
    },
    forgetAll: () => opened.clear(),
    entries: () => opened.size,
  };
}
