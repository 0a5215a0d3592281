/** What holds for a name, by many globs: exact names by one look-up, the others in their order. */
import { compileGlob } from "../core/index.ts";

export interface NameIndex<T> {
  /** The values of all globs that match, those of exact names first. */
  readonly find: (name: string) => readonly T[];
  readonly entries: readonly NameEntry<T>[];
}
export interface NameEntry<T> {
  readonly glob: string;
  readonly value: T;
}

export function createNameIndex<T>(entries: readonly NameEntry<T>[]): NameIndex<T> {
  const exact = new Map<string, T[]>();
  const globs: { matches: (name: string) => boolean; value: T }[] = [];
  for (const { glob, value } of entries) {
    if (glob.includes("*")) {
      globs.push({ matches: compileGlob(glob), value });
    } else {
      exact.set(glob, [...(exact.get(glob) ?? []), value]);
    }
  }
  return {
    entries,
    find: (name) => {
      const found = [...(exact.get(name) ?? [])];
      for (const { matches, value } of globs) if (matches(name)) found.push(value);
      return found;
    },
  };
}
