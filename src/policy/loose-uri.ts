/** Resource URIs as rules compare them: a rule denies whatever a server may take for its target. */
import { toLooseUri } from "../core/index.ts";
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
