/** Which program of a package is the server. */
import type { FetchedPackage, PackageFile } from "../../core/index.ts";
import { quote } from "../foreign.ts";

const MAX_NAMED = 8;

/**
 * The package's only bin, or the one named like the package's last part. Rejects with an `Error`
 * that names the bins where that says nothing, and where the bin is no JavaScript file within the
 * package: a manifest is foreign data, and must not start anything else of this machine.
 */
export async function findBin(name: string, fetched: FetchedPackage): Promise<string> {
  const bins = binsOf(name, fetched.manifest);
  const own = lastPart(name);
  const path = bins.size === 1 ? [...bins.values()][0] : bins.get(own);
  if (path === undefined) {
    if (bins.size === 0) throw new Error("It has no bin to run");
    const named = [...bins.keys()].slice(0, MAX_NAMED).map((bin) => `"${quote(bin, 64)}"`);
    throw new Error(`None of its bins is called "${own}": ${named.join(", ")}`);
  }
  const file = await fetched.find(path);
  if (file === undefined) throw new Error(`Its bin "${quote(path)}" is no file within it`);
  if (!isJavaScript(file)) throw new Error(`Its bin "${quote(path)}" is no JavaScript program`);
  return file.path;
}

/** A bin that is one path is called like the package's last part. */
function binsOf(name: string, manifest: string): ReadonlyMap<string, string> {
  const value: unknown = JSON.parse(manifest);
  const bin = typeof value === "object" && value !== null && "bin" in value ? value.bin : undefined;
  if (typeof bin === "string") return new Map([[lastPart(name), bin]]);
  if (typeof bin !== "object" || bin === null) return new Map();
  const entries = Object.entries(bin);
  return new Map(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

function isJavaScript({ path, firstLine }: PackageFile): boolean {
  if (/\.[cm]?js$/.test(path)) return true;
  return firstLine.startsWith("#!") && /\bnode\b/.test(firstLine);
}
