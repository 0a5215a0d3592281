/** What `check` says of tools and arguments that the config names, offline from `gateway.lock.json`. */
import { type Fault, type LoadedConfig, checkDefinitions, placeFindings } from "../config/index.ts";
import { lockPathOf } from "../gateway.ts";
import { member } from "../mcp/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { definitionOf, parseLock } from "../upstreams/index.ts";

/** None without a lock file, and none for one that cannot be used, of which others speak. */
export async function definitionFaults(
  { config, file, folder }: LoadedConfig,
  { config: files }: Pick<Runtime, "config">,
): Promise<readonly Fault[]> {
  const text = await files.readText(lockPathOf({ folder })).catch(() => undefined);
  if (text === undefined) return [];
  const parsed = parseLock(text, files);
  if ("fault" in parsed) return [];
  const definitions = new Map(
    [...parsed.lock].map(([upstream, tools]) => [
      upstream,
      new Map(
        [...tools].map(([tool, locked]) => [tool, member(definitionOf(locked), "inputSchema")]),
      ),
    ]),
  );
  const source = await files.readText(file).catch(() => undefined);
  return placeFindings(checkDefinitions(config, definitions), file, source ?? "");
}
