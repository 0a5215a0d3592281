/** Finds the client of a token by the token's digest; no token is kept. */
import type { Config } from "../config/index.ts";
import type { ClientIdentity, Crypto } from "../core/index.ts";
import { hashToken } from "./token.ts";

/** What a digest stands for. */
export interface TokenEntry {
  readonly digest: Uint8Array;
  /** Undefined where two clients share the token: it identifies neither of them. */
  readonly client: ClientIdentity | undefined;
  /** The first millisecond at which the token is not accepted any more. */
  readonly expiresAt: number;
}
export interface TokenIndex {
  readonly find: (token: string) => TokenEntry | undefined;
}

const dayMs = 86_400_000;
const encoder = new TextEncoder();

/**
 * Built once, so that a request costs one digest and one look-up however many clients there are.
 * The look-up is by SHA-256 and its timing tells nothing of a token; the digests themselves are
 * then compared in constant time, the same work whether one was found or not.
 */
export function createTokenIndex(config: Config, crypto: Crypto): TokenIndex {
  const entries = new Map<string, TokenEntry>();
  for (const [name, { auth }] of Object.entries(config.clients)) {
    if (typeof auth === "string") continue;
    const client: ClientIdentity = { name, subject: undefined };
    for (const each of Array.isArray(auth) ? auth : [auth]) {
      const hex = "token" in each ? hashToken(each.token.reveal(), crypto) : each.tokenSha256;
      const expiresAt = each.until === undefined ? Infinity : endOfDay(each.until);
      const entry = { digest: encoder.encode(hex), client, expiresAt };
      entries.set(hex, merge(entries.get(hex), entry));
    }
  }
  const nobody = new Uint8Array(64);
  return {
    find: (token) => {
      const hex = hashToken(token, crypto);
      const entry = entries.get(hex);
      const same = crypto.equal(encoder.encode(hex), entry?.digest ?? nobody);
      return same ? entry : undefined;
    },
  };
}

/** One token given twice: to two clients it belongs to neither, to one it ends at the earlier day. */
function merge(known: TokenEntry | undefined, next: TokenEntry): TokenEntry {
  if (known === undefined) return next;
  const client = known.client?.name === next.client?.name ? next.client : undefined;
  return { ...next, client, expiresAt: Math.min(known.expiresAt, next.expiresAt) };
}

/** A day of the config ends where the next one begins, in UTC; what is no day is over already. */
function endOfDay(day: string): number {
  const start = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(start) ? 0 : start + dayMs;
}
