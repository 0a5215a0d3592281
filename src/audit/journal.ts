/**
 * Writes the lines of one file in order: what comes while an append is under way goes out together
 * with the next one. A batch that failed is kept and tried again, so the chain has no gap.
 */
import type { AppendFile, Clock, Files, Log, Timer } from "../core/index.ts";
import type { ChainEnd, Seal } from "./chain.ts";
import { type FileEnd, readEnd } from "./read-end.ts";

export interface Journal {
  /**
   * Takes its place in the chain at once; settles when the operating system has the line. Rejects
   * where that failed or took too long; the line is written later all the same.
   */
  readonly add: (seal: Seal) => Promise<void>;
  /** The last append failed or hangs. */
  readonly isFailing: () => boolean;
  /** Lines and characters that the operating system does not have yet. */
  readonly pending: () => { readonly lines: number; readonly characters: number };
  /** Waits for what is pending, a failing file excepted; never rejects. */
  readonly close: () => Promise<void>;
}
export interface JournalOptions {
  readonly path: string;
  readonly ports: { readonly files: Files; readonly clock: Clock; readonly log: Log };
}

interface Line {
  readonly seq: number;
  readonly text: string;
  readonly written: () => void;
  readonly failed: (error: Error) => void;
}

const appendTimeoutMs = 10_000;
const probeMs = 1_000;
const closeTimeoutMs = 5_000;

/** Rejects where the file cannot be opened, or ends in something that is no audit record. */
export async function openJournal(
  options: JournalOptions,
): Promise<{ readonly journal: Journal; readonly end: FileEnd }> {
  const { path, ports } = options;
  const { files, clock, log } = ports;
  const end = await readEnd(files, path);
  let file: AppendFile = await files.openAppend(path);
  let last: ChainEnd = { seq: end.seq, hash: end.hash };
  let needsBreak = end.open;
  let queue: Line[] = [];
  let flying: readonly Line[] = [];
  let characters = 0;
  let failing = false;
  let work: Promise<void> | undefined;
  let probe: Timer | undefined;
  let isClosed = false;

  function add(seal: Seal): Promise<void> {
    const { seq, hash, text } = seal(last);
    last = { seq, hash };
    characters += text.length;
    const settled = new Promise<void>((written, failed) => {
      queue.push({ seq, text, written, failed });
      if (failing) failed(new Error(`Cannot append to "${path}": an earlier append failed`));
    });
    if (!failing) start(drain);
    return settled;
  }

  /** One piece of work at a time has the file. */
  function start(run: () => Promise<void>): void {
    if (work !== undefined) return;
    work = run().finally(() => {
      work = undefined;
      if (queue.length > 0 && !failing) start(drain);
    });
  }

  async function drain(): Promise<void> {
    while (queue.length > 0 && !failing) {
      flying = queue;
      queue = [];
      try {
        await append();
      } catch (error) {
        fail(error);
      }
    }
  }

  /** One append under a deadline: past it nobody waits any longer, but the order is kept. */
  async function append(): Promise<void> {
    const deadline = clock.after(appendTimeoutMs, () => {
      refuse(new Error(`Cannot append to "${path}": no answer in ${appendTimeoutMs} ms`));
    });
    try {
      const text = flying.map((line) => `${line.text}\n`).join("");
      await file.append(needsBreak ? `\n${text}` : text);
    } finally {
      deadline.cancel();
    }
    needsBreak = false;
    landed(Infinity);
    if (failing) log.info("The audit file takes records again", { file: path });
    failing = false;
  }

  function landed(seq: number): void {
    const there = flying.filter((line) => line.seq <= seq);
    flying = flying.filter((line) => line.seq > seq);
    for (const line of there) {
      characters -= line.text.length;
      line.written();
    }
  }

  function refuse(error: Error): void {
    if (!failing) log.error("Cannot write audit records", { file: path, error: toReason(error) });
    failing = true;
    for (const line of [...flying, ...queue]) line.failed(error);
  }

  function fail(cause: unknown): void {
    refuse(new Error(`Cannot append to "${path}"`, { cause }));
    queue = [...flying, ...queue];
    flying = [];
    if (!isClosed) probe = clock.after(probeMs, () => start(retry));
  }

  /** A part of the failed batch may have reached the file: only what it lacks is written. */
  async function retry(): Promise<void> {
    flying = queue;
    queue = [];
    try {
      await file.close().catch(() => undefined);
      file = await files.openAppend(path);
      const found = await readEnd(files, path);
      needsBreak = found.open;
      landed(found.seq);
      await append();
    } catch (error) {
      fail(error);
    }
  }

  async function close(): Promise<void> {
    isClosed = true;
    probe?.cancel();
    if (failing) start(retry);
    await new Promise<void>((done) => {
      const deadline = clock.after(closeTimeoutMs, done);
      void idle().then(() => {
        deadline.cancel();
        done();
      });
    });
    const lost = queue.length + flying.length;
    if (lost > 0) log.error("Audit records are lost", { file: path, records: lost });
    await file.close().catch((error: unknown) => {
      log.error("Cannot close the audit file", { file: path, error: String(error) });
    });
  }

  async function idle(): Promise<void> {
    if (work === undefined) return;
    await work;
    await idle();
  }

  const journal: Journal = {
    add,
    isFailing: () => failing,
    pending: () => ({ lines: queue.length + flying.length, characters }),
    close,
  };
  return { journal, end };
}

function toReason(error: Error): string {
  return error.cause === undefined ? error.message : String(error.cause);
}
