/** Files in a map, links among them, and hashes that are real. */
import { createHash } from "node:crypto";
import type { LoadPorts } from "../../../src/sandbox/index.ts";

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export interface FakeFiles {
  readonly ports: LoadPorts & {
    readonly files: { readonly readText: (path: string) => Promise<string | undefined> };
  };
  readonly files: Map<string, string>;
  /** In the order in which they were read. */
  readonly read: readonly string[];
}

/** `links` are of files and of folders; a folder is there where a file lies below it. */
export function fakeFiles(
  given: Readonly<Record<string, string>>,
  links: Readonly<Record<string, string>> = {},
): FakeFiles {
  const files = new Map(Object.entries(given));
  const read: string[] = [];
  const toReal = (path: string): string => {
    for (const [from, to] of Object.entries(links)) {
      if (path === from || path.startsWith(`${from}/`)) return to + path.slice(from.length);
    }
    return path;
  };
  const isThere = (path: string): boolean =>
    files.has(path) || [...files.keys()].some((file) => file.startsWith(`${path}/`));
  return {
    files,
    read,
    ports: {
      files: {
        realPath: async (path) => (isThere(toReal(path)) ? toReal(path) : undefined),
        readText: async (path) => files.get(path),
        readOwn: async (path, maxBytes) => {
          read.push(path);
          const text = files.get(path);
          if (text !== undefined && text.length > maxBytes) {
            throw new Error(`"${path}" has more than ${maxBytes} bytes`);
          }
          return text;
        },
      },
      crypto: { sha256 },
    },
  };
}
