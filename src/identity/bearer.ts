/** The bearer token of an `Authorization` header (RFC 6750 section 2.1). */

const maxTokenLength = 4096;
/**
 * One scheme, one space, one token of visible ASCII. A comma is never part of a token: two
 * `Authorization` headers arrive joined by one, and two readers could each take another half.
 */
const form = /^bearer ([\x21-\x2b\x2d-\x7e]+)$/i;

/** The token, or undefined where the header holds anything else than exactly one. */
export function parseBearer(authorization: string): string | undefined {
  if (authorization.length > maxTokenLength) return undefined;
  return form.exec(authorization)?.[1];
}
