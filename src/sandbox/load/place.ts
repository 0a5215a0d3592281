/** Where in a plugin's files something is wrong. */
import { folderOf, resolvePath } from "../../config/index.ts";
import type { LoadFault, PluginCode } from "../face.ts";

/**
 * Of several files the engine may not have said which: then the plugin's own stands for it, and where
 * it knows no line, as of what is exported, that of the export.
 */
export function placeOf(
  { line, module }: LoadFault,
  { file, modules }: PluginCode,
  folder: string,
): { readonly file: string; readonly line: number } {
  const entry = resolvePath(folder, file);
  const named = modules.find(({ name }) => name === module);
  const isKnown = named !== undefined || modules.length === 1;
  const at = named === undefined ? entry : resolvePath(folderOf(entry), named.name);
  if (isKnown && line !== undefined) return { file: at, line };
  return { file: at, line: at === entry ? lineOfExport(modules) : 1 };
}

/** Of the plugin's own default export; the first one where there is none. */
export function lineOfExport([entry]: PluginCode["modules"]): number {
  const { source = "" } = entry ?? {};
  const at = source.search(/^[ \t]*export\s+default\b/m);
  return at === -1 ? 1 : source.slice(0, at).split("\n").length;
}
