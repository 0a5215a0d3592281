/** Finds the holder of a token by the token's digest; no token is kept. */
import type { Crypto, Secret } from "../core/index.ts";
import { hashToken } from "./token.ts";

/** One token, or its SHA-256 in lower-case hex, and the last day on which it is good, in UTC. */
export type TokenSettings =
  | { readonly token: Secret; readonly until?: string | undefined }
  | { readonly tokenSha256: string; readonly until?: string | undefined };

/** Whom a token can stand for. */
export interface TokenHolder {
  readonly name: string;
}
export interface Tokens<Holder extends TokenHolder> {
  readonly holder: Holder;
  readonly tokens: TokenSettings | readonly TokenSettings[];
}

/** What a digest stands for. */
export interface TokenEntry<Holder extends TokenHolder> {
  readonly digest: Uint8Array;
  /** Undefined where two holders share the token: it identifies neither of them. */
  readonly holder: Holder | undefined;
  /** The first millisecond at which the token is not accepted any more. */
  readonly expiresAt: number;
}
export interface TokenIndex<Holder extends TokenHolder> {
  readonly find: (token: string) => TokenEntry<Holder> | undefined;
}

const dayMs = 86_400_000;
const encoder = new TextEncoder();

/**
 * Built once, so that a request costs one digest and one look-up however many holders there are.
 * The look-up is by SHA-256 and its timing tells nothing of a token; the digests themselves are
 * then compared in constant time, the same work whether one was found or not.
 */
export function createTokenIndex<Holder extends TokenHolder>(
  given: readonly Tokens<Holder>[],
  crypto: Crypto,
): TokenIndex<Holder> {
  const entries = new Map<string, TokenEntry<Holder>>();
  for (const { holder, tokens } of given) {
    for (const each of toList(tokens)) {
      const hex = "token" in each ? hashToken(each.token.reveal(), crypto) : each.tokenSha256;
      const expiresAt = each.until === undefined ? Infinity : endOfDay(each.until);
      const entry = { digest: encoder.encode(hex), holder, expiresAt };
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

function toList(tokens: TokenSettings | readonly TokenSettings[]): readonly TokenSettings[] {
  return "token" in tokens || "tokenSha256" in tokens ? [tokens] : tokens;
}

/** One token given twice: to two holders it belongs to neither, to one it ends at the earlier day. */
function merge<Holder extends TokenHolder>(
  known: TokenEntry<Holder> | undefined,
  next: TokenEntry<Holder>,
): TokenEntry<Holder> {
  if (known === undefined) return next;
  const holder = known.holder?.name === next.holder?.name ? next.holder : undefined;
  return { ...next, holder, expiresAt: Math.min(known.expiresAt, next.expiresAt) };
}

/** A day of the config ends where the next one begins, in UTC; what is no day is over already. */
function endOfDay(day: string): number {
  const start = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(start) ? 0 : start + dayMs;
}
