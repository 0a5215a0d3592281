/** Counts what the maps and sets of the product hold. To be imported before the product is. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

interface Counted {
  readonly file: string;
  readonly held: WeakRef<{ readonly size: number }>;
}
const made: Counted[] = [];

/** The file of the product that asks for it; undefined for everybody else. */
function maker(): string | undefined {
  const lines = new Error().stack?.split("\n").slice(4) ?? [];
  const line = lines.find((each) => !each.includes("/lru-cache/")) ?? "";
  return /\/src\/([\w/.-]+\.ts)/.exec(line)?.[1];
}

function note(held: { readonly size: number }): void {
  const file = maker();
  if (file !== undefined) made.push({ file, held: new WeakRef(held) });
}

globalThis.Map = class<K, V> extends Map<K, V> {
  constructor(entries?: Iterable<readonly [K, V]> | null) {
    super(entries);
    note(this);
  }
} as MapConstructor;
globalThis.Set = class<T> extends Set<T> {
  constructor(values?: Iterable<T> | null) {
    super(values);
    note(this);
  }
} as SetConstructor;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Entries of all maps and sets that are still reachable, by the file that made them. */
export async function census(): Promise<Readonly<Record<string, number>>> {
  // What a promise still holds is let go of once its job has run.
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  const counts: Record<string, number> = {};
  for (const { file, held } of made) {
    const size = held.deref()?.size ?? 0;
    if (size > 0) counts[file] = (counts[file] ?? 0) + size;
  }
  return counts;
}
