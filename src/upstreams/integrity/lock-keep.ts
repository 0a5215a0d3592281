/** The lock of one process: what its file says, and what was seen since and is to be written there. */
import type { Clock, Log } from "../../core/index.ts";
import { within } from "../watch.ts";
import type { Definition, Hasher } from "./definition.ts";
import {
  type Lock,
  type LockContent,
  type LockedPlugins,
  type LockedTools,
  emptyContent,
  isEmpty,
  merge,
  without,
} from "./lock-content.ts";
import { parseLock, toLockText } from "./lock-text.ts";

/** `gateway.lock.json`, or what stands for it. */
export interface LockFile {
  /** For messages. */
  readonly path: string;
  /** Undefined where there is none. */
  readonly read: () => Promise<string | undefined>;
  /** As a whole or not at all. Without it nothing is written, and what is new is known here alone. */
  readonly write?: ((text: string) => Promise<void>) | undefined;
  /** While it acts no other process of the folder does; rejects where that cannot be had. */
  readonly alone: <T>(act: () => Promise<T>) => Promise<T>;
}

export interface LockKeep {
  readonly lock: () => Lock;
  readonly plugins: () => LockedPlugins;
  /** Why the file cannot be read, while it cannot: nothing new is taken then. */
  readonly fault: () => string | undefined;
  /** Whether there is no tool at all. */
  readonly isEmpty: () => boolean;
  /** Grows with each change of what `lock` or `plugins` says. */
  readonly version: () => number;
  /**
   * Takes tools that were not there; what another process wrote meanwhile wins, and no more than an
   * upstream may have are taken. Settles when the file has them, or after a few seconds. Never
   * rejects.
   */
  readonly remember: (upstream: string, tools: LockedTools) => Promise<void>;
  /** The same of plugins; as many as the config names. */
  readonly rememberPlugins: (plugins: LockedPlugins) => Promise<void>;
  /** Looks at the file again; true where it says something else. Never rejects. */
  readonly reread: () => Promise<boolean>;
}

interface KeepPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly crypto: Hasher;
}

/** Of one upstream: a hostile one that lists other names each time must not fill a disk. */
const maxTools = 10_000;
const maxCharacters = 8 * 1024 * 1024;
/** A caller who waits for a list does not wait for a file longer than this. */
const patienceMs = 5_000;

/** Rejects with an `Error` that says what to do where the file is not a good one. */
export async function openLockKeep(file: LockFile, ports: KeepPorts): Promise<LockKeep> {
  const { clock, log, crypto } = ports;
  let text: string | undefined;
  let written = emptyContent;
  /** Seen here, and not in the file yet. */
  let own = emptyContent;
  let content = emptyContent;
  let fault: string | undefined;
  let version = 0;
  let isToldUnwritten = false;
  let isToldGone = false;
  let last: Promise<void> = Promise.resolve();

  function adopt(nextText: string | undefined, next: LockContent, nextOwn: LockContent): void {
    text = nextText;
    written = next;
    own = nextOwn;
    content = merge(written, own);
    version++;
  }

  function read(found: string | undefined): void {
    if (found === undefined) {
      // What it said still holds: taking it away must not open what it closed.
      if (text !== undefined && !isToldGone) {
        log.error("The lock file is gone; what it said holds, and is written anew", {
          file: file.path,
        });
      }
      isToldGone = text !== undefined;
      return;
    }
    isToldGone = false;
    if (found === text && fault === undefined) return;
    const parsed = parseLock(found, crypto);
    if ("fault" in parsed) {
      if (fault !== parsed.fault) {
        log.error(`${toLockFault(file.path, parsed.fault)}; nothing that is new is taken`);
      }
      fault = parsed.fault;
      return adopt(text, written, emptyContent);
    }
    fault = undefined;
    adopt(found, parsed, without(own, parsed));
  }

  /** Reads, merges and writes while no other process does. */
  async function flush(): Promise<void> {
    const { write } = file;
    if (write === undefined || isEmpty(own)) return;
    try {
      await file.alone(async () => {
        read(await file.read());
        if (fault !== undefined || isEmpty(own)) return;
        const next = merge(written, own);
        const nextText = toLockText(next);
        await write(nextText);
        const since = without(own, next);
        adopt(nextText, next, since);
      });
      isToldUnwritten = false;
    } catch (error) {
      if (isToldUnwritten) return;
      isToldUnwritten = true;
      log.error(
        "Cannot write the lock file; what is new is known until this process ends, and taken anew by the next one",
        { file: file.path, cause: error instanceof Error ? error.message : String(error) },
      );
    }
  }

  /** Of what `content` does not have. */
  async function take(fresh: LockContent): Promise<void> {
    if (fault !== undefined || isEmpty(fresh)) return;
    adopt(text, written, merge(own, fresh));
    last = last.then(flush);
    await within(last, patienceMs, clock);
  }

  const first = await file.read();
  if (first !== undefined) {
    const parsed = parseLock(first, crypto);
    if ("fault" in parsed) throw new Error(toLockFault(file.path, parsed.fault));
    adopt(first, parsed, own);
  }
  return {
    lock: () => content.lock,
    plugins: () => content.plugins,
    fault: () => fault,
    isEmpty: () => content.lock.size === 0,
    version: () => version,
    remember: async (upstream, tools) => {
      const fresh = toFitting(content.lock.get(upstream) ?? new Map(), tools);
      const lock: Lock = fresh.size === 0 ? new Map() : new Map([[upstream, fresh]]);
      await take({ lock, plugins: new Map() });
    },
    rememberPlugins: (plugins) => take(without({ lock: new Map(), plugins }, content)),
    reread: async () => {
      const before = version;
      const reading = last.then(async () => read(await file.read()));
      last = reading.catch((error: unknown) => {
        log.error("Cannot read the lock file; what it said holds", {
          file: file.path,
          cause: error instanceof Error ? error.message : String(error),
        });
      });
      await last;
      return version !== before;
    },
  };
}

/** `why` is a fault of `parseLock`. */
export function toLockFault(path: string, why: string): string {
  return `Cannot use "${path}": ${why} (put back the one that was reviewed, or run \`mcp-gw lock\` and review what it writes)`;
}

/** What is new and still has room. */
function toFitting(known: LockedTools, tools: LockedTools): LockedTools {
  const fresh = new Map<string, Definition>();
  let characters = [...known.values()].reduce((sum, { text }) => sum + text.length, 0);
  for (const [name, definition] of tools) {
    characters += definition.text.length;
    if (known.size + fresh.size >= maxTools || characters > maxCharacters) break;
    if (!known.has(name)) fresh.set(name, definition);
  }
  return fresh;
}
