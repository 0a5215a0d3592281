/** Resource URIs as rules compare them: a rule denies whatever a server may take for its target. */
import { type Arrange, type NameEntry, type NameIndex, createNameIndex } from "./name-index.ts";

/**
 * Finds by the URI as it is written and by its loose spelling. Normal URIs still have spellings
 * that servers read alike, and listings use either: `file:///a%40b` and `file:///a@b`, or
 * `db://Users/1` and `db://users/1`. Only rules are asked so: what is allowed must be written so.
 */
export function createLooseIndex<T>(
  entries: readonly NameEntry<T>[],
  arrange: Arrange<T> = (found) => found,
): NameIndex<T> {
  const written = createNameIndex(entries);
  if (entries.length === 0) return written;
  const loose = createNameIndex(
    entries.map(({ glob, value }) => ({ glob: toLooseUri(glob), value })),
  );
  return {
    entries,
    find: (uri) => arrange([...written.find(uri), ...loose.find(toLooseUri(uri))]),
  };
}

/**
 * Decodes visible ASCII, save `%25`, which would make other encodings, and `%2A`, which would make
 * a wildcard; puts the host in lower case (RFC 3986 section 6.2.2.1). Takes globs too.
 */
function toLooseUri(uri: string): string {
  return uri
    .replace(/^[^:/?#]*:\/\/[^/?#]*/, (start) => start.toLowerCase())
    .replaceAll(/%([2-7][0-9A-Fa-f])/g, (encoded, hex: string) => {
      const code = Number.parseInt(hex, 16);
      const isKept = code <= 0x20 || code === 0x7f || encoded === "%25" || /%2A/i.test(encoded);
      return isKept ? encoded : String.fromCharCode(code);
    });
}
