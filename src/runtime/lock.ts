/** A file that one process at a time may write: a lock beside it, which its holder keeps fresh. */
import { unlinkSync } from "node:fs";
import { readFile, stat, unlink, utimes, writeFile } from "node:fs/promises";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { isMissing } from "./files.ts";
import { type FileLock, LockedError } from "./runtime.ts";

const beatMs = 1_000;
/** A holder that is alive beats in this time, wherever it runs. */
const watchMs = 3_000;
const lookMs = 250;
/** A process that bears the holder's number and let this pass is another one. */
const abandonedMs = 60_000;

/** What this process holds, by path: the text that stands in the lock. */
const held = new Map<string, string>();

/**
 * Takes the lock at `path`; rejects with a `LockedError` where another process has it. A lock whose
 * holder has gone is taken over. The number of a process alone does not tell that: it is given
 * anew after a restart of the machine, and seen from another container it means another process, so
 * a lock is held for as long as somebody touches it.
 */
export async function lockFile(path: string): Promise<FileLock> {
  if (held.has(path)) throw new LockedError(path, process.pid);
  const text = JSON.stringify({ pid: process.pid, id: crypto.randomUUID() });
  held.set(path, text);
  try {
    if (!(await create(path, text))) await takeOver(path, text);
  } catch (error) {
    held.delete(path);
    throw error;
  }
  cleanUpAtExit();
  const beat = setInterval(() => void touch(path), beatMs);
  beat.unref();
  return {
    release: async () => {
      clearInterval(beat);
      if (!held.delete(path)) return;
      const found = await look(path);
      if (found?.text === text) await unlink(path);
    },
  };
}

/** The process that holds the lock at `path` now; undefined where none keeps it fresh. */
export async function lockHolder(path: string): Promise<number | undefined> {
  const found = await look(path);
  const isFresh = found !== undefined && Date.now() - found.changedMs < watchMs + beatMs;
  return isFresh ? pidOf(found.text) : undefined;
}

/** False where there is one already. */
async function create(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

async function takeOver(path: string, text: string): Promise<void> {
  const first = await look(path);
  const pid = pidOf(first?.text ?? "");
  const isOther = pid !== undefined && pid !== process.pid;
  const isFresh = first !== undefined && Date.now() - first.changedMs < abandonedMs;
  if (isOther && isFresh && isAlive(pid)) throw new LockedError(path, pid);
  if (first !== undefined) await watch(path, first);
  await writeFile(path, text, { mode: 0o600 });
  // Of two that take it over at once, the one whose text stays has it.
  await pause(lookMs);
  const now = await look(path);
  if (now?.text !== text) throw new LockedError(path, pidOf(now?.text ?? ""));
}

/** Waits until a holder that lives must have touched it; rejects where one has. */
async function watch(path: string, first: Found): Promise<void> {
  for (let waited = 0; waited < watchMs; waited += lookMs) {
    await pause(lookMs);
    const now = await look(path);
    if (now === undefined) return;
    if (now.changedMs !== first.changedMs) throw new LockedError(path, pidOf(now.text));
  }
}

interface Found {
  readonly text: string;
  readonly changedMs: number;
}

async function look(path: string): Promise<Found | undefined> {
  try {
    const { mtimeMs } = await stat(path);
    return { text: await readFile(path, "utf8"), changedMs: mtimeMs };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  // A lock that was removed by hand is somebody's decision; the audit file goes on.
  await utimes(path, now, now).catch(() => undefined);
}

function pidOf(text: string): number | undefined {
  const digits = /"pid":(\d{1,10})\b/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** False also where the system does not let us know. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

let isCleaning = false;

/** A process that ends without closing takes its locks with it, where it can. */
function cleanUpAtExit(): void {
  if (isCleaning) return;
  isCleaning = true;
  process.once("exit", () => {
    for (const path of held.keys()) {
      try {
        unlinkSync(path);
      } catch {
        // Whoever wants it next sees that nobody holds it.
      }
    }
  });
}
