/** Base64 in either alphabet, and hex, as strings of bytes (RFC 4648). */

const NONE = 64;
const sextets = new Uint8Array(256).fill(NONE);
for (const [value, letter] of [
  ..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
].entries()) {
  sextets[letter.charCodeAt(0)] = value;
}
sextets[45] = 62;
sextets[95] = 63;

const nibbles = new Uint8Array(256);
for (let value = 0; value < 16; value++) {
  nibbles[value.toString(16).charCodeAt(0)] = value;
  nibbles[value.toString(16).toUpperCase().charCodeAt(0)] = value;
}

/**
 * Bytes as characters U+0000 to U+00FF; undefined where the text is no base64. As forgiving as
 * `atob` with blanks and missing padding, which throws at a price of microseconds.
 */
export function decodeBase64(text: string): string | undefined {
  const bytes = toBytes(text);
  return bytes && fromBytes(bytes);
}

/** As `decodeBase64`, as bytes. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  const letters = /[\t\n\f\r ]/.test(text) ? text.replace(/[\t\n\f\r ]+/g, "") : text;
  let { length } = letters;
  if (length % 4 === 0 && letters.endsWith("=")) length -= letters.endsWith("==") ? 2 : 1;
  if (length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let bits = 0;
  let to = 0;
  for (let at = 0; at < length; at++) {
    const code = letters.charCodeAt(at);
    const sextet = code < 256 ? sextets[code]! : NONE;
    if (sextet === NONE) return undefined;
    bits = (bits << 6) | sextet;
    const place = at & 3;
    if (place !== 0) bytes[to++] = (bits >> (6 - 2 * place)) & 255;
  }
  return bytes;
}

/** Pairs of hex digits as bytes, from the one at `skip` on. */
export function decodeHex(text: string, skip: number): string {
  const bytes = new Uint8Array((text.length - skip) >> 1);
  for (let to = 0, at = skip; to < bytes.length; to++, at += 2) bytes[to] = hexByte(text, at);
  return fromBytes(bytes);
}

function hexByte(text: string, at: number): number {
  return (nibbles[text.charCodeAt(at) & 255]! << 4) | nibbles[text.charCodeAt(at + 1) & 255]!;
}

/** As many arguments as any engine takes. */
const CHUNK = 8_192;

/** Each byte as one character. */
export function fromBytes(bytes: Uint8Array): string {
  if (bytes.length <= CHUNK) return String.fromCharCode(...bytes);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK)));
  }
  return parts.join("");
}

/** So many bytes of text in a row hardly come about by accident: 96 of 256 are text. */
const MIN_TEXT = 12;

/**
 * The alignments, 0 to 3 letters left out at the front, at which base64 decodes to text somewhere.
 * One pass without decoding, since most long words are no base64 of text.
 */
export function textAlignments(base64: string): readonly number[] {
  return [0, 1, 2, 3].filter((skip) => hasText(base64, skip));
}

function hasText(base64: string, skip: number): boolean {
  let streak = 0;
  for (let at = skip; at + 3 < base64.length; at += 4) {
    const group =
      (sextetAt(base64, at) << 18) |
      (sextetAt(base64, at + 1) << 12) |
      (sextetAt(base64, at + 2) << 6) |
      sextetAt(base64, at + 3);
    streak = lengthen(streak, group >> 16);
    streak = lengthen(streak, (group >> 8) & 255);
    streak = lengthen(streak, group & 255);
    if (streak >= MIN_TEXT) return true;
  }
  return false;
}

function sextetAt(base64: string, at: number): number {
  return sextets[base64.charCodeAt(at) & 255]! & 63;
}

/** The same for hex: 0 or 1 digits left out at the front. */
export function hexAlignments(hex: string): readonly number[] {
  return [0, 1].filter((skip) => {
    let streak = 0;
    for (let at = skip; at + 1 < hex.length && streak < MIN_TEXT; at += 2) {
      streak = lengthen(streak, hexByte(hex, at));
    }
    return streak >= MIN_TEXT;
  });
}

function lengthen(streak: number, byte: number): number {
  // NUL is every other byte of UTF-16; it counts for nothing, since images have long rows of them.
  if (byte === 0) return streak;
  return (byte >= 32 && byte < 127) || byte === 10 || byte === 13 ? streak + 1 : 0;
}
