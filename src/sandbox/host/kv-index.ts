/** How many keys a space has: a list of their ids, kept beside them. */
import { StoreLost, type Turns } from "../../core/index.ts";
import type { HostPorts } from "./acts.ts";
import { readKept } from "./read-kept.ts";

/** Of one plugin and client, or of one plugin where its keys are shared. */
export const maxKeys = 1_000;
/** Each round that is lost is a change that another instance has made. */
const maxRounds = 32;

export interface KvIndex {
  /** From here on `id` counts, at least until then; false where the space is full. */
  readonly list: (space: string, id: string, until: number) => Promise<boolean>;
  readonly unlist: (space: string, id: string) => Promise<void>;
}

type Entry = readonly [id: string, until: number];
/** Without `next` nothing is written. */
interface Change {
  readonly next?: readonly Entry[];
  readonly ok: boolean;
}

/**
 * Each time that a key comes to be it has a new id, which is listed before the key is written and is
 * taken off by whoever really removed that key. So there are never more keys than ids; an id whose key
 * is gone, since an instance died in between, counts until its time is over. The list says nothing of
 * anybody, so it is not sealed: that would cost a plugin's new keys twenty times as much.
 */
export function createKvIndex(
  { store, sharedNow }: Pick<HostPorts, "store" | "sharedNow">,
  turns: Turns,
): KvIndex {
  const change = async (
    space: string,
    act: (entries: readonly Entry[]) => Change,
  ): Promise<boolean> => {
    const address = `plugin-kv-index:${space}`;
    for (let round = 0; round < maxRounds; round++) {
      const kept = await readKept(store, address);
      const now = sharedNow();
      const { next, ok } = act(parseEntries(kept ?? "").filter(([, until]) => now < until));
      if (next === undefined) return ok;
      const ttlMs = next.reduce((most, [, until]) => Math.max(most, until - now), 1);
      if (await store.replace(address, kept, toText(next), ttlMs)) return ok;
    }
    throw new StoreLost("refused", "Cannot count the keys: others change them all the time");
  };
  return {
    list: (space, id, until) =>
      turns.take(`index ${space}`, () =>
        change(space, (entries) => {
          const others = entries.filter(([each]) => each !== id);
          if (others.length >= maxKeys) return { ok: false };
          return { next: [...others, [id, until]], ok: true };
        }),
      ),
    unlist: async (space, id) => {
      await turns.take(`index ${space}`, () =>
        change(space, (entries) => {
          const others = entries.filter(([each]) => each !== id);
          return others.length === entries.length ? { ok: true } : { next: others, ok: true };
        }),
      );
    },
  };
}

function toText(entries: readonly Entry[]): string {
  return entries.map(([id, until]) => `${id} ${until}`).join("\n");
}

/** What somebody wrote there by hand is no entry. */
function parseEntries(text: string): readonly Entry[] {
  return text.split("\n").flatMap((line): readonly Entry[] => {
    const [id = "", until] = line.split(" ");
    const time = Number(until);
    return Number.isSafeInteger(time) ? [[id, time]] : [];
  });
}
