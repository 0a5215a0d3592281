/** Where in a plugin's files something is wrong. */
import { folderOf, resolvePath } from "../../config/index.ts";
import type { LoadFault, PluginCode } from "../face.ts";

/** Of several files the engine may not have said which: then the plugin's own stands for it. */
export function placeOf(
  { line, module }: LoadFault,
  { file, modules }: PluginCode,
  folder: string,
): { readonly file: string; readonly line?: number } {
  const entry = resolvePath(folder, file);
  const named = modules.find(({ name }) => name === module);
  const isKnown = named !== undefined || modules.length === 1;
  const at = named === undefined ? entry : resolvePath(folderOf(entry), named.name);
  return isKnown && line !== undefined ? { file: at, line } : { file: at };
}
