import type { Stripped } from "./strip.ts";

/** What loading needs of the ground. */
export interface LoadPorts {
  readonly files: {
    /** Where a path leads, without links; undefined where nothing is there. */
    readonly realPath: (path: string) => Promise<string | undefined>;
    /** UTF-8; undefined where there is no such file; rejects for a pipe, and for more than `maxBytes`. */
    readonly readOwn: (path: string, maxBytes: number) => Promise<string | undefined>;
  };
  readonly crypto: {
    /** Lower-case hex. */
    readonly sha256: (text: string) => string;
  };
  /** As a pool does it; by default here, for a program that nobody waits for. */
  readonly strip?: (source: string) => Promise<Stripped>;
}

/** What is wrong with a plugin's file. */
export interface FileFault {
  /** Absolute. */
  readonly file: string;
  /** Counted from 1. */
  readonly line?: number | undefined;
  readonly fault: string;
  /** What to do. */
  readonly hint?: string | undefined;
}
