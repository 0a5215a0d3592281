/** What no upstream lists does not exist, whatever it would answer (law 4). */
import {
  type Clock,
  type Consulted,
  type Deny,
  type OneTarget,
  type ToolFacts,
  deny,
} from "../core/index.ts";
import type { ListKind } from "../mcp/index.ts";
import type { Upstreams } from "../upstreams/index.ts";
import { patiently } from "./patience.ts";

/**
 * The tool that is called; undefined for what is no tool. Asked only of what the client may use,
 * so that a forbidden name costs no upstream anything. A resource need not be listed: most are
 * made from templates.
 */
export async function findListed(
  exchange: Consulted,
  target: OneTarget,
  upstreams: Upstreams,
  clock: Clock,
): Promise<ToolFacts | Deny | undefined> {
  const { client, input, signal } = exchange;
  const upstream = upstreams.get(target.upstream);
  const unknown = deny("TARGET_UNKNOWN", "The upstream lists nothing of this name");
  if (upstream === undefined) return unknown;
  const caller = { client, caller: input.caller };
  if (target.what === "tool") {
    const found = await upstream.tool(target.name, caller, signal);
    if (found === undefined) return unknown;
    return "kind" in found ? deny(found.code, found.why) : found;
  }
  const kind = listOf(target);
  if (kind === undefined) return undefined;
  const what = `The list of "${target.upstream}"`;
  const listing = await patiently(clock, what, upstream.list(kind, caller, signal));
  if ("kind" in listing) return deny(listing.code, listing.why);
  return listing.items.some(({ key }) => key === target.name) ? undefined : unknown;
}

function listOf({ what, isTemplate }: OneTarget): ListKind | undefined {
  if (what === "prompt") return "prompts";
  return isTemplate ? "resourceTemplates" : undefined;
}
