/** The newest lines of audit files, and those that come. */
import type { Clock, Files } from "../core/index.ts";
import { mergeLines } from "./merge.ts";
import { parseFields } from "./query.ts";

const firstTailBytes = 65_536;
const maxTailBytes = 64 * 1_048_576;
const pollMs = 500;

/** By path, the number of the last record that is known. */
export type KnownEnds = ReadonlyMap<string, number>;

/** The last `count` lines of all files, oldest first, and where each file ended. */
export async function readNewest(
  files: Pick<Files, "readTail">,
  paths: readonly string[],
  count: number,
): Promise<{ readonly lines: readonly string[]; readonly ends: KnownEnds }> {
  const ends = new Map<string, number>();
  const found: (readonly string[])[] = [];
  for (const path of paths) {
    const lines = await readLast(files, path, Math.max(count, 1));
    if (lines === undefined) continue;
    ends.set(path, lastSeq(lines) ?? 0);
    found.push(lines);
  }
  return { lines: count === 0 ? [] : mergeLines(found).slice(-count), ends };
}

/**
 * Lines after the records `known`, as they come, of what `list` names at the time, until `signal`
 * fires. A file that begins anew is followed from its beginning.
 */
export async function* followLines(
  ports: { readonly files: Pick<Files, "readTail">; readonly clock: Clock },
  list: () => Promise<readonly string[]>,
  known: KnownEnds,
  signal: AbortSignal,
): AsyncIterable<string> {
  const ends = new Map(known);
  while (!signal.aborted) {
    const found: (readonly string[])[] = [];
    for (const path of await list()) {
      const { lines, last } = await readBehind(ports.files, path, ends.get(path) ?? 0);
      ends.set(path, last);
      found.push(lines);
    }
    yield* mergeLines(found);
    await pause(ports.clock, signal);
  }
}

/** The lines after the record `known`, and the number of the last of them. */
async function readBehind(
  files: Pick<Files, "readTail">,
  path: string,
  known: number,
): Promise<{ readonly lines: readonly string[]; readonly last: number }> {
  const found = (await readBack(files, path, (lines) => startsBy(lines, known + 1))) ?? [];
  const newest = lastSeq(found);
  let last = newest !== undefined && newest < known ? 0 : known;
  const lines = found.filter((line) => {
    const own = seqOf(line);
    if (own === undefined || own <= last) return false;
    last = own;
    return true;
  });
  return { lines, last };
}

/** The last `count` lines, oldest first; undefined where there is no file. */
async function readLast(
  files: Pick<Files, "readTail">,
  path: string,
  count: number,
): Promise<readonly string[] | undefined> {
  const lines = await readBack(files, path, (found) => found.length >= count);
  return lines?.slice(-count);
}

/** Whole lines from the end, further back until they are `enough`. */
async function readBack(
  files: Pick<Files, "readTail">,
  path: string,
  enough: (lines: readonly string[]) => boolean,
): Promise<readonly string[] | undefined> {
  for (let maxBytes = firstTailBytes; ; maxBytes *= 4) {
    const text = await files.readTail(path, maxBytes);
    if (text === undefined) return undefined;
    const lines = text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    const isWhole = new TextEncoder().encode(text).byteLength < maxBytes;
    // The first line of a part is most likely the end of one.
    if (!isWhole) lines.shift();
    if (isWhole || maxBytes >= maxTailBytes || enough(lines)) return lines;
  }
}

function startsBy(lines: readonly string[], seq: number): boolean {
  const first = seqOf(lines.find((line) => seqOf(line) !== undefined));
  return first !== undefined && first <= seq;
}

function lastSeq(lines: readonly string[]): number | undefined {
  return seqOf(lines.findLast((line) => seqOf(line) !== undefined));
}

function seqOf(line: string | undefined): number | undefined {
  const seq = line === undefined ? undefined : parseFields(line)?.["seq"];
  return typeof seq === "number" ? seq : undefined;
}

async function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.after(pollMs, end);
    signal.addEventListener("abort", end);
  });
}
