/**
 * What the processes of tests run. On Node that is `dist/`, as a user gets it, which starts in half the
 * time; where `dist/` is not of the sources as they are, it is the sources, as it is on Deno.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const root = resolve(import.meta.dirname, "..");
const source = join(root, "src");
const dist = join(root, "dist");
const cache = join(root, "node_modules", ".cache", "mcp-gw");
const loader = pathToFileURL(join(root, "node_modules/jiti/lib/jiti-register.mjs")).href;
const amaro = createRequire(import.meta.url)("amaro") as {
  readonly transformSync: (
    source: string,
    options: { readonly mode: "strip-only" },
  ) => { readonly code: string };
};
const isDeno = process.versions["deno"] !== undefined;

/** What the build goes by, besides the sources. */
const settings = ["tsconfig.json", "tsconfig.build.json", "scripts/build.js"];
/** Sources that change while the compiler reads them are younger than this when it writes. */
const compilerMs = 5_000;
const isBuilt = !isDeno && isFresh();

export interface Command {
  readonly command: string;
  readonly args: string[];
}

/** The program, on the runtime that runs the test. */
export function commandOf(...words: readonly string[]): Command {
  if (isBuilt) return { command: process.execPath, args: [join(dist, "main.js"), ...words] };
  return fromSource(join(source, "main.ts"), words);
}

/** A module of the tests that stands before the product, or uses it; `flags` are for Deno. */
export function commandOfFile(
  file: string,
  words: readonly string[] = [],
  flags: readonly string[] = [],
): Command {
  const built = isBuilt ? onDist(file) : undefined;
  if (built === undefined) return fromSource(file, words, flags);
  return { command: process.execPath, args: [built, ...words] };
}

/** A module of the tests, on Node whatever runs the test. */
export function nodeCommandOfFile(file: string, ...words: readonly string[]): Command {
  if (isDeno) return { command: "node", args: ["--import", loader, file, ...words] };
  return commandOfFile(file, words);
}

/** What stands in `dist/` for a module of the sources; undefined where it is not of them as they are. */
export function builtOf(name: string): string | undefined {
  return isBuilt ? join(dist, name.replace(/\.ts$/, ".js")) : undefined;
}

function fromSource(
  file: string,
  words: readonly string[],
  flags: readonly string[] = [],
): Command {
  const before = isDeno ? ["run", "--allow-all", "--no-lock", ...flags] : ["--import", loader];
  return { command: process.execPath, args: [...before, file, ...words] };
}

/** By the time at which a source became what it is, whatever time it bears; a folder's counts too. */
function isFresh(): boolean {
  const sources = [source, ...filesOf(source), ...settings.map((name) => join(root, name))];
  const built = filesOf(dist).map((path) => statSync(path));
  const files = built.filter((each) => each.isFile()).map(({ mtimeMs }) => mtimeMs);
  const changed = sources.map((path) => statSync(path).ctimeMs);
  return files.length > 0 && Math.max(...changed) + compilerMs < Math.min(...files);
}

function filesOf(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return names.map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** The same module without its types, with the product from `dist/`; undefined where it needs its place. */
function onDist(file: string): string | undefined {
  const { code } = amaro.transformSync(readFileSync(file, "utf8"), { mode: "strip-only" });
  const text = code.replaceAll(/"(?:\.\.\/)+src\/([\w/.-]+)\.ts"/g, (_, path: string) =>
    JSON.stringify(pathToFileURL(join(dist, `${path}.js`)).href),
  );
  if (/"\.\.?\/|import\.meta/.test(text)) return undefined;
  mkdirSync(cache, { recursive: true });
  const made = join(cache, `${basename(file, ".ts")}.mjs`);
  const own = `${made}.${process.pid}`;
  writeFileSync(own, text);
  renameSync(own, made);
  return made;
}
