/** The keys of plugins in the shared store: sealed, counted, and changed by one at a time. */
import { type Sealer, toHex } from "../../core/index.ts";
import { type Fault, type HostPorts, isFault } from "./acts.ts";
import { type KvIndex, maxKeys } from "./kv-index.ts";
import { readKept } from "./read-kept.ts";

/** One key of one space, each as a digest of all that it is told apart by. */
export interface KvPlace {
  readonly space: string;
  readonly key: string;
}
export interface KvValue {
  readonly json: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}
export interface KvItems {
  readonly get: (place: KvPlace) => Promise<KvValue | undefined>;
  /** `toNext` may be called again, where another instance has changed the key meanwhile. */
  readonly change: (
    place: KvPlace,
    toNext: (before: KvValue | undefined) => KvValue | Fault,
  ) => Promise<Fault | undefined>;
  readonly remove: (place: KvPlace) => Promise<Fault | undefined>;
}

interface Item extends KvValue {
  readonly id: string;
  readonly listedUntil: number;
}
interface Found {
  /** As the store has it. */
  readonly kept: string | undefined;
  readonly item: Item | undefined;
}

/** Each round that is lost is a change that another instance has made. */
const maxRounds = 32;
const contended: Fault = { fault: "Others change this key of kv all the time" };
const full: Fault = { fault: `kv holds ${maxKeys} keys, and takes no other one` };
const idBytes = 12;

/**
 * Attack: whoever can write to the store gives one client's value to another. So a value is sealed
 * together with its place, and what cannot be opened there counts as nothing.
 *
 * To read takes one call of the store, to change what is there two, and a new key four.
 */
export function createKvItems(
  { store, sharedNow, crypto }: Pick<HostPorts, "store" | "sharedNow" | "crypto">,
  sealer: Sealer,
  index: KvIndex,
): KvItems {
  const find = async ({ key }: KvPlace): Promise<Found> => {
    const kept = await readKept(store, toAddress(key));
    const opened = kept === undefined ? undefined : await sealer.open(kept);
    const item = opened === undefined ? undefined : parseItem(opened, key);
    return { kept, item: item !== undefined && sharedNow() < item.expiresAt ? item : undefined };
  };
  /** What it is listed as; undefined where there is no room. */
  const list = async (
    { space }: KvPlace,
    before: Item | undefined,
    { expiresAt }: KvValue,
  ): Promise<Pick<Item, "id" | "listedUntil"> | undefined> => {
    if (before !== undefined && expiresAt <= before.listedUntil) return before;
    const id = before?.id ?? toHex(crypto.randomBytes(idBytes));
    // One that is set again and again is not listed anew each time.
    const spareMs = before === undefined ? 0 : (expiresAt - sharedNow()) / 8;
    const listedUntil = Math.ceil(expiresAt + spareMs);
    return (await index.list(space, id, listedUntil)) ? { id, listedUntil } : undefined;
  };
  const replace = async (
    place: KvPlace,
    kept: string | undefined,
    item: Item,
  ): Promise<boolean> => {
    const sealed = await sealer.seal(toText(item, place.key));
    const ttlMs = Math.max(1, item.expiresAt - sharedNow());
    return store.replace(toAddress(place.key), kept, sealed, ttlMs);
  };
  return {
    get: async (place) => (await find(place)).item,
    change: async (place, toNext) => {
      for (let round = 0; round < maxRounds; round++) {
        const { kept, item } = await find(place);
        const next = toNext(item);
        if (isFault(next)) return next;
        const listed = await list(place, item, next);
        if (listed === undefined) return full;
        const { id, listedUntil } = listed;
        if (await replace(place, kept, { ...next, id, listedUntil })) return undefined;
        if (item === undefined) await index.unlist(place.space, id);
      }
      return contended;
    },
    remove: async (place) => {
      for (let round = 0; round < maxRounds; round++) {
        const { kept, item } = await find(place);
        if (kept === undefined) return undefined;
        // The store has no "delete this value alone", but an end can be put to it.
        if (!(await store.replace(toAddress(place.key), kept, "", 1))) continue;
        if (item !== undefined) await index.unlist(place.space, item.id);
        return undefined;
      }
      return contended;
    },
  };
}

function toAddress(key: string): string {
  return `plugin-kv:${key}`;
}

/** JSON has no line break of its own. */
function toText({ json, expiresAt, id, listedUntil }: Item, key: string): string {
  return `${JSON.stringify([key, expiresAt, id, listedUntil])}\n${json}`;
}

/** Of what `toText` gave; undefined where that was another key's. */
function parseItem(text: string, key: string): Item | undefined {
  const end = text.indexOf("\n");
  const head = JSON.parse(text.slice(0, end)) as readonly [string, number, string, number];
  const [of, expiresAt, id, listedUntil] = head;
  return of === key ? { json: text.slice(end + 1), expiresAt, id, listedUntil } : undefined;
}
