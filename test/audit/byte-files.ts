/** A file of bytes in memory, which a crash can cut anywhere. */
import type { Files } from "../../src/core/index.ts";
import { path } from "./fakes.ts";

export interface ByteFiles extends Files {
  bytes: Uint8Array;
}

export function createByteFiles(): ByteFiles {
  const files: ByteFiles = {
    bytes: new Uint8Array(),
    readText: () => Promise.reject(new Error("Not used by the audit")),
    readTail: async (_, maxBytes) => decode(files.bytes.subarray(-maxBytes)),
    list: async () => [path],
    readLines: () => linesOf(files.bytes),
    openAppend: async () => ({
      append: async (text) => {
        files.bytes = Buffer.concat([files.bytes, Buffer.from(text)]);
      },
      close: async () => undefined,
    }),
  };
  return files;
}

export async function* linesOf(bytes: Uint8Array): AsyncIterable<string> {
  const lines = decode(bytes).split("\n");
  if (lines.at(-1) === "") lines.pop();
  yield* lines;
}

/** As the real one reads. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
