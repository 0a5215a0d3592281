/** Finds where the chain of an existing file ends, from its last megabyte. */
import type { Files } from "../core/index.ts";
import { type ChainEnd, emptyChain } from "./chain.ts";
import { readRecord } from "./read-record.ts";

export interface FileEnd extends ChainEnd {
  /** Lines after the last record that a crash cut short. */
  readonly torn: number;
  /** The last line has no line break yet. */
  readonly open: boolean;
}

const maxTailBytes = 1_048_576;

/** Throws where the file ends in something that is no audit record. */
export async function readEnd(files: Pick<Files, "readTail">, path: string): Promise<FileEnd> {
  const tail = await files.readTail(path, maxTailBytes);
  if (tail === undefined || tail === "") return { ...emptyChain, torn: 0, open: false };
  const open = !tail.endsWith("\n");
  const lines = tail.split("\n");
  if (!open) lines.pop();
  let torn = 0;
  for (const line of lines.toReversed()) {
    const record = readRecord(line);
    if (typeof record !== "string") return { seq: record.seq, hash: record.hash, torn, open };
    if (record !== "cut") break;
    torn++;
  }
  // A file whose very first record was cut short.
  if (torn === lines.length) return { ...emptyChain, torn, open };
  throw new Error(
    `Cannot continue "${path}": it ends in a line that is no audit record (move the file away, or name another one in audit.file)`,
  );
}
