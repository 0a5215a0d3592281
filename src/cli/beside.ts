/** The record of one config in several files: each process has its own, beside the one it names. */
import { folderOf, resolvePath } from "../config/index.ts";
import type { Files } from "../core/index.ts";

/** A worker by its place, a pipe's gateway by its process. */
export type BesideLabel = `worker-${number}` | `stdio-${number}`;

/** `audit-stdio-42.jsonl` beside `audit.jsonl`. */
export function besideOf(file: string, label: BesideLabel): string {
  const [stem, ending] = splitEnding(file);
  return `${stem}-${label}${ending}`;
}

/** The files that are there of the record that `file`, an absolute path, names: itself first. */
export async function filesOf(
  files: Pick<Files, "list">,
  file: string,
): Promise<readonly string[]> {
  const folder = folderOf(file);
  const [stem, ending] = splitEnding(file);
  const found: Found[] = [];
  for (const name of await files.list(folder)) {
    const path = resolvePath(folder, name);
    const label = path.slice(stem.length, path.length - ending.length);
    const [, kind = "", number] = /^-(worker|stdio)-(\d{1,10})$/.exec(label) ?? [];
    const isOurs = path === stem + label + ending && (label === "" || number !== undefined);
    if (isOurs) found.push({ path, kind, number: Number(number ?? 0) });
  }
  found.sort((a, b) => (a.kind === b.kind ? a.number - b.number : a.kind < b.kind ? -1 : 1));
  return found.map(({ path }) => path);
}

interface Found {
  readonly path: string;
  readonly kind: string;
  readonly number: number;
}

function splitEnding(file: string): readonly [stem: string, ending: string] {
  const [, stem = file, ending = ""] = /^(.*?)(\.[^./\\]*)?$/s.exec(file) ?? [];
  return [stem, ending];
}
