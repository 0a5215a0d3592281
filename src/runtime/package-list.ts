/** Which files belong to a fetched package, so that one which has lost some is not used. */
import { lstat, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "./files.ts";

const listName = "files.json";
/** Files that are asked for at once. */
const batch = 64;

/** Written last: a folder without it was never complete. */
export async function writeList(folder: string): Promise<void> {
  const files = await filled(folder, await filesBelow(folder, "node_modules"));
  await writeFile(join(folder, listName), JSON.stringify(files), { mode: 0o600 });
}

/**
 * False where a file is gone or empty, as a crash of the machine leaves them. More files and other
 * contents are the package's own affair: some keep their data beside their program.
 */
export async function isComplete(folder: string): Promise<boolean> {
  const listed = await readList(folder);
  return listed !== undefined && (await filled(folder, listed)).length === listed.length;
}

async function readList(folder: string): Promise<readonly string[] | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, listName), "utf8"));
    if (!Array.isArray(value)) return undefined;
    return value.filter((file) => typeof file === "string");
  } catch (error) {
    if (isAbsent(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function filesBelow(folder: string, path: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
    const here = `${path}/${entry.name}`;
    if (entry.isDirectory()) files.push(...(await filesBelow(folder, here)));
    else if (entry.isFile()) files.push(here);
  }
  return files;
}

/** Those that are there with something in them. */
async function filled(folder: string, files: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (let at = 0; at < files.length; at += batch) {
    const some = files.slice(at, at + batch);
    const sizes = await Promise.all(some.map((file) => sizeOf(join(folder, file))));
    found.push(...some.filter((_, index) => (sizes[index] ?? 0) > 0));
  }
  return found;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (isAbsent(error)) return 0;
    throw error;
  }
}

/** True where there is no such file, also where what should be its folder is none. */
export function isAbsent(error: unknown): boolean {
  if (isMissing(error)) return true;
  return error instanceof Error && "code" in error && error.code === "ENOTDIR";
}
