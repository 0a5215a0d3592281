/** Where blocks are kept: in the store that instances share, or in a file. */
import { type Sealer, type Store, StoreLost, utf8Length } from "../core/index.ts";
import { type BlockState, parseBlocks, toText } from "./block-state.ts";

export type Kept =
  | { readonly is: "nothing" }
  /** `text` where it is a value at all. */
  | { readonly is: "damaged"; readonly text: string | undefined }
  | { readonly is: "blocks"; readonly text: string; readonly state: BlockState };

export interface BlockKeep {
  /** Rejects with a `StoreLost`. The same object as before where nothing has changed. */
  readonly read: () => Promise<Kept>;
  /**
   * False where by now something else is kept than was read. Rejects with a `StoreLost`, and with a
   * `RangeError` where the list is too large.
   */
  readonly write: (read: Kept, next: BlockState) => Promise<boolean>;
  /** Only a write shows that really nothing is kept. */
  readonly isDoubtful: boolean;
  readonly pollMs: number;
  /** What an operator should read where what is kept cannot be read. */
  readonly damage: string;
}

/** What is wrong with the blocks alone; of a store that is lost the store says so itself. */
export class BlocksLost extends StoreLost {}

/** A file, or what stands for one. */
export interface BlockFile {
  /** Undefined where there is none. */
  readonly read: () => Promise<string | undefined>;
  /** As a whole or not at all. */
  readonly write: (text: string) => Promise<void>;
}

const storeKey = "blocks";
/** Each change begins it anew. */
const ttlMs = 10 * 365 * 24 * 60 * 60_000;
/** In UTF-8; what a sealer opens again. */
const maxBytes = 380_000;

/**
 * Sealed, so that what was changed by hand shows. With `onLost: "local"` too nothing of this is ever
 * kept in this process, so that a store that is lost neither answers nor takes anything here; and
 * `setOnce`, which is never done locally, begins the list.
 */
export function keepInStore(store: Store, sealer: Sealer): BlockKeep {
  let last: Kept = { is: "nothing" };
  return {
    isDoubtful: true,
    // For what was published and did not arrive.
    pollMs: 5_000,
    damage:
      'what the store keeps as "blocks" was changed by hand, or sealed with a key that is not among ' +
      "the keys. Mend that, or delete it to go on without any",
    read: async () => {
      const text = await readValue(store);
      if (text === undefined) return { is: "nothing" };
      if (text === unreadable) return { is: "damaged", text: undefined };
      if (last.is !== "nothing" && last.text === text) return last;
      const opened = await sealer.open(text);
      last = toKept(text, opened === undefined ? undefined : parseBlocks(opened));
      return last;
    },
    write: async (read, next) => {
      const plain = toText(next);
      if (utf8Length(plain) > maxBytes) {
        throw new RangeError(`The blocks are larger than ${maxBytes} bytes, and cannot be kept`);
      }
      const sealed = await sealer.seal(plain);
      if (read.is !== "nothing" && read.text !== undefined) {
        return store.replace(storeKey, read.text, sealed, ttlMs);
      }
      if (read.is === "damaged") await store.delete(storeKey);
      return store.setOnce(storeKey, sealed, ttlMs);
    },
  };
}

const unreadable = Symbol("unreadable");

async function readValue(store: Store): Promise<string | undefined | typeof unreadable> {
  try {
    return await store.get(storeKey);
  } catch (error) {
    if (error instanceof StoreLost) throw error;
    return unreadable;
  }
}

/** For processes of one folder, which hear of each other by looking. */
export function keepInFile(file: BlockFile): BlockKeep {
  let last: Kept = { is: "nothing" };
  return {
    isDoubtful: false,
    pollMs: 500,
    damage: "their file was damaged. Mend it, or delete it to go on without any",
    read: async () => {
      const text = await orLost("read", file.read());
      if (text === undefined) return { is: "nothing" };
      if (last.is === "nothing" || last.text !== text) last = toKept(text, parseBlocks(text));
      return last;
    },
    // Two that write at once both find what they lost at their next look.
    write: async (_, next) => {
      await orLost("write", file.write(`${toText(next)}\n`));
      return true;
    },
  };
}

async function orLost<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new BlocksLost("refused", `Cannot ${what} the file of the blocks: ${cause}`);
  }
}

function toKept(text: string, state: BlockState | undefined): Kept {
  return state === undefined ? { is: "damaged", text } : { is: "blocks", text, state };
}
