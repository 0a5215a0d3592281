/** The newest lines of an audit file, and those that come. */
import type { Clock, Files } from "../core/index.ts";
import { parseFields } from "./query.ts";

const firstTailBytes = 65_536;
const maxTailBytes = 64 * 1_048_576;
const pollMs = 500;

/** The last `count` lines, oldest first; undefined where there is no file. */
export async function readLast(
  files: Pick<Files, "readTail">,
  path: string,
  count: number,
): Promise<readonly string[] | undefined> {
  const lines = await readBack(files, path, (found) => found.length >= count);
  return count === 0 ? lines && [] : lines?.slice(-count);
}

/**
 * Lines after the record `seq`, as they come, until `signal` fires. A file that begins anew is
 * followed from its beginning.
 */
export async function* followLines(
  ports: { readonly files: Pick<Files, "readTail">; readonly clock: Clock },
  path: string,
  seq: number,
  signal: AbortSignal,
): AsyncIterable<string> {
  let last = seq;
  while (!signal.aborted) {
    const known = last;
    const lines = (await readBack(ports.files, path, (found) => startsBy(found, known + 1))) ?? [];
    const newest = seqOf(lines.findLast((line) => seqOf(line) !== undefined));
    if (newest !== undefined && newest < last) last = 0;
    for (const line of lines) {
      const own = seqOf(line);
      if (own === undefined || own <= last) continue;
      last = own;
      yield line;
    }
    await pause(ports.clock, signal);
  }
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

export function seqOf(line: string | undefined): number | undefined {
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
