/** What holds for a name, by many globs: exact names by one look-up, the others in their order. */
import { compileGlob } from "../core/index.ts";

export interface NameIndex<T> {
  /** The values of all globs that match, those of exact names first, or as they are arranged. */
  readonly find: (name: string) => readonly T[];
  readonly entries: readonly NameEntry<T>[];
}
export interface NameEntry<T> {
  readonly glob: string;
  readonly value: T;
}
/** Puts what was found in another order, or leaves some of it out. */
export type Arrange<T> = (found: readonly T[]) => readonly T[];

export function createNameIndex<T>(
  entries: readonly NameEntry<T>[],
  arrange: Arrange<T> = (found) => found,
): NameIndex<T> {
  const globs = entries
    .filter(({ glob }) => glob.includes("*"))
    .map(({ glob, value }) => ({ matches: compileGlob(glob), value }));
  const meeting = (name: string, found: T[]): readonly T[] => {
    for (const { matches, value } of globs) if (matches(name)) found.push(value);
    return found.length === 0 ? found : arrange(found);
  };
  const exact = new Map<string, T[]>();
  for (const { glob, value } of entries) {
    if (glob.includes("*")) continue;
    const values = exact.get(glob) ?? [];
    exact.set(glob, values);
    values.push(value);
  }
  const known = new Map<string, readonly T[]>();
  for (const [name, values] of exact) known.set(name, meeting(name, values));
  return { entries, find: (name) => known.get(name) ?? meeting(name, []) };
}
