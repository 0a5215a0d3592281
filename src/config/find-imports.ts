/** Finds the files that a config imports by relative path: what a reload has to look at too. */
import { extensionOf, folderOf, resolvePath } from "./path.ts";
import type { ConfigPorts } from "./ports.ts";

/** Absolute paths with their texts; undefined for what is imported and is not there. */
export type Imports = ReadonlyMap<string, string | undefined>;

/** `import … from "./a.ts"`, `import("./a.ts")`, `require("./a.cjs")`, `export … from "./a.ts"`. */
const specifier = /\b(?:from|import|require)\s*\(?\s*(["'])(\.{1,2}(?:\/[^"'\n]*)?)\1/g;
const endings = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".json"];
/** A config of more files than this is watched in part. */
const maxFiles = 500;

/**
 * Reads texts and runs nothing, so that it also works for a config that cannot be loaded. An import
 * in a comment counts too; one whose name is computed is not found. What lies in `node_modules` is
 * left out: whoever changes that restarts.
 */
export async function findImports(
  file: string,
  source: string,
  { readText }: Pick<ConfigPorts, "readText">,
): Promise<Imports> {
  const found = new Map<string, string | undefined>();
  const waiting = [{ file, source }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (extensionOf(next.file) === ".json") continue;
    for (const [, , relative = ""] of next.source.matchAll(specifier)) {
      const path = resolvePath(folderOf(next.file), relative);
      if (/[/\\]node_modules[/\\]/.test(path) || found.size >= maxFiles) continue;
      const part = await readPart(path, readText);
      if (part.file === file || found.has(part.file)) continue;
      found.set(part.file, part.source);
      if (part.source !== undefined) waiting.push({ file: part.file, source: part.source });
    }
  }
  return found;
}

interface Part {
  readonly file: string;
  readonly source: string | undefined;
}

async function readPart(path: string, readText: ConfigPorts["readText"]): Promise<Part> {
  const candidates = [
    path,
    ...endings.map((ending) => path + ending),
    path.replace(/\.([cm]?)js$/i, ".$1ts"),
    ...endings.map((ending) => resolvePath(path, `index${ending}`)),
  ];
  for (const file of candidates) {
    // A folder rejects: its index may be meant.
    const source = await readText(file).catch(() => undefined);
    if (source !== undefined) return { file, source };
  }
  return { file: path, source: undefined };
}
