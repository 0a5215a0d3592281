/** Puts the arguments that rules set among those of the client, which keep their bytes. */
import { type JsonObject, member, setMembers, spliced, textOf } from "../mcp/index.ts";
import { withArguments } from "../policy/index.ts";

/** `set` are JSON texts by name. */
export function setArguments(params: JsonObject, set: ReadonlyMap<string, string>): JsonObject {
  const args = set.size === 0 ? undefined : withArguments(member(params, "arguments"), set);
  if (args === undefined) return params;
  return spliced(params, setMembers(params, { arguments: textOf(args) })) as JsonObject;
}
