/** Reads a config file: TypeScript and JavaScript through jiti, JSON exactly. */
import { parseJson } from "../mcp/index.ts";
import { defineConfig, partsOf, plugin, rule } from "./define.ts";
import type { Fault } from "./fault.ts";
import type { Imports } from "./find-imports.ts";
import { evaluate } from "./fresh-modules.ts";
import { lineAt } from "./locate.ts";
import { extensionOf } from "./path.ts";
import { secret } from "./secret.ts";

export type ReadFile = { readonly exported: unknown } | { readonly fault: Fault };

export const configExtensions = [".ts", ".js", ".mjs", ".json"] as const;

/**
 * `source` is the text of `file`, an absolute path; `imports` are the files that it names, `modules`
 * what its imports find besides `mcp-gw`. Nothing is cached and nothing is written, so a changed file is read anew.
 */
export async function readConfigFile(
  file: string,
  source: string,
  imports: Imports,
  modules: Readonly<Record<string, unknown>>,
): Promise<ReadFile> {
  const extension = extensionOf(file);
  if (extension === ".json") return readJson(file, source);
  if (!configExtensions.some((known) => known === extension)) {
    const message = `The name of a config must end in one of ${configExtensions.join(", ")}`;
    return { fault: faultOf(file, message) };
  }
  const found = { "mcp-gw": { defineConfig, plugin, rule, secret }, ...modules };
  try {
    const module = await evaluate(file, source, imports, found);
    return defaultOf(file, module);
  } catch (error) {
    return { fault: thrownFault(file, error) };
  }
}

function defaultOf(file: string, module: unknown): ReadFile {
  if (partsOf(module) !== undefined) return { exported: module };
  if (typeof module === "object" && module !== null && "default" in module) {
    return { exported: module.default };
  }
  const message = "Has no default export";
  return {
    fault: { ...faultOf(file, message), suggestion: "write export default defineConfig({ … })" },
  };
}

function readJson(file: string, source: string): ReadFile {
  const text = source.replace(/^\uFEFF/, "");
  const result = parseJson(text, { strict: true });
  if (result.ok) return { exported: JSON.parse(text) as unknown };
  const what = result.fault === "syntax" ? "Is not valid JSON" : `Is refused: ${result.fault}`;
  return { fault: { ...faultOf(file, what), line: lineAt(text, result.at) } };
}

/**
 * A fault of what a config throws, without its stack. Messages of the language itself name
 * identifiers; those of a parser quote what they read, which may be a secret.
 */
export function thrownFault(file: string, error: unknown): Fault {
  if (!(error instanceof Error)) return faultOf(file, "Threw while it was loaded");
  const parse = /^(?:\w+: )?ParseError: ([^\n]*?)\s*\n\s*(.+):(\d+):\d+\s*$/.exec(error.message);
  if (parse !== null) {
    const [, what = "", where = file, line] = parse;
    return { ...faultOf(where, `Cannot be read: ${what}`), line: Number(line) };
  }
  const at = placeOf(file, error);
  const missing = /^Cannot find (?:module|package) '([^'\n]*)'/.exec(error.message)?.[1];
  if (missing !== undefined) return { ...at, message: `Imports "${missing}", which is not found` };
  if (error instanceof SyntaxError) {
    return { ...at, message: "Reads a text that is not valid (SyntaxError)" };
  }
  const [message = ""] = error.message.split("\n");
  return { ...at, message: `Threw while it was loaded: ${message.trim()}` };
}

const inParentheses = /\((?:file:\/\/)?([^()]+):(\d+):\d+\)$/;
const bare = /^\s*at (?:async )?(?:file:\/\/)?(\S+):(\d+):\d+$/;

/** The innermost line of the stack that lies in the config's own folder. */
function placeOf(file: string, error: Error): Fault {
  const folder = file.replace(/[^/\\]*$/, "");
  for (const line of (error.stack ?? "").split("\n")) {
    const [, where, number] = inParentheses.exec(line) ?? bare.exec(line) ?? [];
    if (where === undefined || !where.startsWith(folder) || where.includes("node_modules"))
      continue;
    return { ...faultOf(where, ""), line: Number(number) };
  }
  return faultOf(file, "");
}

function faultOf(file: string, message: string): Fault {
  return { level: "error", path: "", message, file };
}
