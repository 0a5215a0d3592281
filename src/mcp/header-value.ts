/** Values that a header cannot carry as they are (2026-07-28, streamable HTTP, Value Encoding). */

const sentinel = /^=\?base64\?(.*)\?=$/s;
/** Visible ASCII, with spaces and tabs inside only. */
const plain = /^(?:[!-~](?:[\t -~]*[!-~])?)?$/;
/** RFC 4648 section 4, padded. */
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The value as a header carries it: itself, or `=?base64?…?=` around its UTF-8 bytes. */
export function encodeHeaderValue(value: string): string {
  if (plain.test(value) && !sentinel.test(value)) return value;
  const bytes = new TextEncoder().encode(value);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `=?base64?${btoa(binary)}?=`;
}

/** What a header says, or undefined where it has invalid characters, bad Base64 or bad UTF-8. */
export function decodeHeaderValue(value: string): string | undefined {
  if (!plain.test(value)) return undefined;
  const encoded = sentinel.exec(value)?.[1];
  if (encoded === undefined) return value;
  if (!base64.test(encoded)) return undefined;
  const binary = atob(encoded);
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // The decoder's only error here is a byte sequence that is no UTF-8.
    return undefined;
  }
}
