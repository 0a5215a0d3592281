/** The gateway's own bearer tokens: 256 random bits that a scanner and a person can recognize. */
import type { Crypto } from "../core/index.ts";
import { base64url } from "jose";

const prefix = "mcpgw_";
const secretBytes = 32;
/** 32 bytes in base64url. */
const secretLength = 43;
const checksumLength = 6;
const form = /^mcpgw_[A-Za-z0-9_-]{49}$/;

/**
 * A new token: `mcpgw_`, 43 characters of base64url, 6 of checksum. The checksum is the first 6
 * base64url characters of the SHA-256 of all that stands before it; it guards against typing
 * errors and false alarms of secret scanners, and protects nothing.
 */
export function createToken(crypto: Pick<Crypto, "randomBytes" | "sha256">): string {
  const body = prefix + base64url.encode(crypto.randomBytes(secretBytes));
  return body + checksumOf(body, crypto);
}

/** Whether a text has the form of our tokens and its checksum fits. */
export function checkToken(token: string, crypto: Pick<Crypto, "sha256">): boolean {
  if (!form.test(token)) return false;
  const body = token.slice(0, prefix.length + secretLength);
  return token.slice(body.length) === checksumOf(body, crypto);
}

/** What the config keeps instead of a token: SHA-256 in lower-case hex. */
export function hashToken(token: string, crypto: Pick<Crypto, "sha256">): string {
  return crypto.sha256(token);
}

function checksumOf(body: string, crypto: Pick<Crypto, "sha256">): string {
  const hex = crypto.sha256(body);
  const first = Array.from({ length: 5 }, (_, at) => parseInt(hex.slice(at * 2, at * 2 + 2), 16));
  return base64url.encode(Uint8Array.from(first)).slice(0, checksumLength);
}
