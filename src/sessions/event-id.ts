/** Ids of server-sent events: which stream, and the how manieth event of it. */
import type { Crypto } from "../core/index.ts";

export interface EventId {
  readonly stream: string;
  /** From 1 on. */
  readonly number: number;
}

const streamBytes = 16;
const form = /^([\w-]{22})-([1-9]\d{0,14})$/;

/** 128 random bits as base64url (RFC 4648, section 5), so that nobody guesses another's stream. */
export function createStreamId(crypto: Crypto): string {
  const text = btoa(String.fromCharCode(...crypto.randomBytes(streamBytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function formatEventId({ stream, number }: EventId): string {
  return `${stream}-${number}`;
}

/** Undefined where the text is none of ours. */
export function parseEventId(text: string): EventId | undefined {
  const [, stream, number] = form.exec(text) ?? [];
  return stream === undefined ? undefined : { stream, number: Number(number) };
}
