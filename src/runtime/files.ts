/** Files that the gateway reads and appends to. */
import { write } from "node:fs";
import { open, readFile, readdir } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { AppendFile, Files } from "../core/index.ts";

const chunkBytes = 65_536;
/** No record of the house is a tenth as long. Attack: a file without a break, held whole, ends the process. */
const maxLineLength = 4_194_304;
/** Stands for a longer line: it is no JSON, however the line began. */
const tooLong = "…";
/** A byte-order mark is a change like any other. */
const asItIs = { ignoreBOM: true };

export function createFiles(): Files {
  return {
    readText: (path) => readFile(path, "utf8"),
    readTail,
    list,
    readLines,
    openAppend,
  };
}

/** True where an error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

async function readTail(path: string, maxBytes: number): Promise<string | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - maxBytes);
    const buffer = new Uint8Array(size - start);
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await handle.read(
        buffer,
        filled,
        buffer.length - filled,
        start + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return new TextDecoder("utf-8", asItIs).decode(buffer.subarray(0, filled));
  } finally {
    await handle.close();
  }
}

async function list(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function* readLines(path: string): AsyncIterable<string> {
  const handle = await open(path, "r");
  try {
    const decoder = new TextDecoder("utf-8", asItIs);
    const buffer = new Uint8Array(chunkBytes);
    let rest = "";
    let isTooLong = false;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      const text = decoder.decode(buffer.subarray(0, bytesRead), { stream: true });
      const lines = text.split("\n");
      lines[0] = rest + (lines[0] ?? "");
      rest = lines.pop() ?? "";
      if (isTooLong && lines.length > 0) {
        lines[0] = tooLong;
        isTooLong = false;
      }
      yield* lines;
      if (rest.length <= maxLineLength) continue;
      rest = "";
      isTooLong = true;
    }
    rest += decoder.decode();
    if (isTooLong) yield tooLong;
    else if (rest !== "") yield rest;
  } finally {
    await handle.close();
  }
}

async function openAppend(path: string): Promise<AppendFile> {
  const handle = await open(path, "a", 0o600);
  let last: Promise<unknown> = Promise.resolve();
  return {
    append: (text) => {
      // One at a time: a large text takes several writes, and another line must not fall between.
      const done = last.then(() => writeAll(handle.fd, Buffer.from(text)));
      last = done.catch(() => undefined);
      return done;
    },
    close: async () => {
      await last;
      await handle.close();
    },
  };
}

/** By file descriptor and callback: the promised form costs several times as much per call. */
function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const step = (at: number): void => {
      write(fd, bytes, at, bytes.length - at, null, (error, count) => {
        if (error !== null) reject(error);
        else if (at + count >= bytes.length) resolve();
        else step(at + count);
      });
    };
    step(0);
  });
}
