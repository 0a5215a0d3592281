/** What the lock file may hold of a tool: everything but the credentials of the config. */
import type { Config } from "./config/index.ts";
import { isObject } from "./mcp/index.ts";
import { cleanJson, credentialsOf } from "./sanitize/index.ts";
import type { CleanTool } from "./upstreams/index.ts";

/**
 * Attack: a server writes the credential that it got into the description of a tool, and it stands in
 * a file that is made to be committed. What else may be a secret stays: a detector that learns more
 * must not make another tool of it.
 */
export function createLockCleaner(config: Config): CleanTool {
  const literals = credentialsOf(config);
  if (literals === undefined) return (tool) => tool;
  return (tool) => {
    const { json, denied } = cleanJson(tool, { secrets: "off", hidden: "off", literals });
    return denied === undefined && isObject(json) ? json : undefined;
  };
}
