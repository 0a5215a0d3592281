/** Packages from npm's registry, kept in a folder from which they are taken at the next start. */
import {
  chmod,
  mkdir,
  open,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { join, relative, sep } from "node:path";
import process from "node:process";
import type { FetchedPackage, PackageFile, PackageRequest, Packages } from "../core/index.ts";
import { denoGlobal } from "./deno-global.ts";
import { isMissing } from "./files.ts";
import { type Installer, install } from "./package-install.ts";
import { isAbsent, isComplete, writeList } from "./package-list.ts";

/** What was being fetched when a gateway was killed is litter after this. */
const abandonedMs = 3_600_000;
const freshPrefix = ".new-";
const headBytes = 256;
const maxTries = 3;

export function createPackages(ground: Omit<Installer, "isDeno">): Packages {
  const isDeno = denoGlobal() !== undefined;
  return {
    fetch: (request) => fetchPackage(request, { ...ground, isDeno }),
    toCommand: (file) => ({
      command: process.execPath,
      args: isDeno ? [...denoArguments, file] : [file],
    }),
  };
}

/** All permissions, as a process of any other program has them; nothing is fetched at its start. */
const denoArguments = [
  "run",
  "--quiet",
  "--no-prompt",
  "--allow-all",
  "--cached-only",
  "--no-lock",
  "--no-config",
  "--node-modules-dir=manual",
];

async function fetchPackage(
  request: PackageRequest,
  installer: Installer,
): Promise<FetchedPackage> {
  const { name, version, folder } = request;
  const kept = join(folder, `${name}@${version}`);
  const known = await openKept(kept, request);
  if (known !== undefined) return known;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Made by another, perhaps, and for all to write into: what lies here is run.
  await chmod(folder, 0o700);
  await clearLitter(folder);
  const fresh = join(folder, `${freshPrefix}${crypto.randomUUID()}`);
  await mkdir(fresh, { mode: 0o700 });
  try {
    await install(fresh, request, installer);
    await writeList(fresh);
    if ((await openKept(fresh, request)) === undefined) {
      throw new Error("What the registry gave is not this package");
    }
    await mkdir(join(kept, ".."), { recursive: true, mode: 0o700 });
    await put(fresh, kept, request);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  const fetched = await openKept(kept, request);
  if (fetched === undefined) throw new Error("What was fetched was changed at once by another");
  return fetched;
}

/** In one step. Of two gateways that fetch at once, the first has put it; what is broken gives way. */
async function put(fresh: string, kept: string, request: PackageRequest): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await rename(fresh, kept);
    } catch (error) {
      if (tries === maxTries) throw error;
    }
    if ((await openKept(kept, request)) !== undefined) return;
    const broken = join(request.folder, `${freshPrefix}${crypto.randomUUID()}`);
    try {
      await rename(kept, broken);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    await rm(broken, { recursive: true, force: true });
  }
}

/** Undefined where there is nothing, or not all of it. */
async function openKept(
  kept: string,
  { name, version }: PackageRequest,
): Promise<FetchedPackage | undefined> {
  const root = join(kept, "node_modules", name);
  const manifest = await readManifest(root, name, version);
  if (manifest === undefined || !(await isComplete(kept))) return undefined;
  return { manifest, find: (path) => findFile(root, path) };
}

async function readManifest(
  root: string,
  name: string,
  version: string,
): Promise<string | undefined> {
  try {
    const text = await readFile(join(root, "package.json"), "utf8");
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    if (!("name" in value) || !("version" in value)) return undefined;
    return value.name === name && value.version === version ? text : undefined;
  } catch (error) {
    if (isAbsent(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A link may lead out of the package as well as a path with dots. */
async function findFile(root: string, path: string): Promise<PackageFile | undefined> {
  try {
    const inside = await realpath(root);
    const file = await realpath(join(root, path));
    const way = relative(inside, file);
    if (way === ".." || way.startsWith(`..${sep}`) || join(inside, way) !== file) return undefined;
    return (await stat(file)).isFile()
      ? { path: file, firstLine: await readHead(file) }
      : undefined;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

async function readHead(file: string): Promise<string> {
  const handle = await open(file, "r");
  try {
    const buffer = new Uint8Array(headBytes);
    const { bytesRead } = await handle.read(buffer, 0, headBytes, 0);
    return new TextDecoder().decode(buffer.subarray(0, bytesRead)).split("\n")[0] ?? "";
  } finally {
    await handle.close();
  }
}

async function clearLitter(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(freshPrefix)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || Date.now() - found.mtimeMs < abandonedMs) continue;
    await rm(path, { recursive: true, force: true });
  }
}
