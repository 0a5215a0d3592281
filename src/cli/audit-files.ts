/** Which files the audit commands read, and why one cannot be read. */
import { toCell } from "../audit/index.ts";
import type { Files } from "../core/index.ts";
import { filesOf } from "./beside.ts";

export interface AuditFiles {
  /** What a command names where there is none. */
  readonly file: string;
  /** Those that are there now; processes that start later bring more. */
  readonly list: () => Promise<readonly string[]>;
}

/** The file that was asked for, alone. */
export function oneFile(files: Pick<Files, "readTail">, file: string): AuditFiles {
  const list = async (): Promise<readonly string[]> =>
    (await files.readTail(file, 1)) === undefined ? [] : [file];
  return { file, list };
}

/** The file of the config, with those that its other processes wrote beside it. */
export function allFiles(files: Pick<Files, "list">, file: string): AuditFiles {
  return { file, list: () => filesOf(files, file) };
}

const readFaults = new Map([
  ["EISDIR", "it is a folder"],
  ["ENOENT", "it is gone"],
  ["ENOTDIR", "its folder is a file"],
  ["EACCES", "this user may not read it"],
  ["EPERM", "this user may not read it"],
]);

/** Undefined where the error is not about a file; `file` is what it is about where it names none. */
export function toReadFault(file: string, error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const why = readFaults.get(String(error.code));
  const path = "path" in error && typeof error.path === "string" ? error.path : file;
  return why === undefined ? undefined : `Cannot read "${toCell(path)}": ${why}`;
}
