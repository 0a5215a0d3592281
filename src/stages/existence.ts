/** What no upstream lists does not exist, whatever it would answer (law 4). */
import {
  type Clock,
  type Deny,
  type OneTarget,
  type Permitted,
  type ToolFacts,
  deny,
} from "../core/index.ts";
import type { ListKind } from "../mcp/index.ts";
import type { ListedItem, Upstreams } from "../upstreams/index.ts";
import { patiently } from "./patience.ts";

/** Whether a client is not shown an item of an upstream's list, because of what it says. */
export type IsWithheld = (
  client: string,
  upstream: string,
  kind: ListKind,
  item: ListedItem,
) => boolean;

/**
 * The tool that is called; undefined for what is no tool. Asked only of what the client may use,
 * so that a forbidden name costs no upstream anything. A resource need not be listed: most are
 * made from templates.
 */
export async function findListed(
  exchange: Permitted,
  target: OneTarget,
  upstreams: Upstreams,
  clock: Clock,
  isWithheld: IsWithheld,
): Promise<ToolFacts | Deny | undefined> {
  const { client, input, signal } = exchange;
  const upstream = upstreams.get(target.upstream);
  const unknown = deny("TARGET_UNKNOWN", "The upstream lists nothing of this name");
  const withheld = deny("TARGET_UNKNOWN", "What the upstream says of it is withheld");
  if (upstream === undefined) return unknown;
  const caller = { client, caller: input.caller };
  if (target.what === "tool") {
    const found = await upstream.tool(target.name, caller, signal);
    if (found === undefined) return unknown;
    if ("kind" in found) {
      return found.kind === "quarantined"
        ? deny("TARGET_UNKNOWN", found.why, { recorded: "QUARANTINED" })
        : deny(found.code, found.why);
    }
    const item = { key: target.name, json: found.definition };
    return isWithheld(client.name, target.upstream, "tools", item) ? withheld : found;
  }
  const kind = listOf(target);
  if (kind === undefined) return undefined;
  const what = `The list of "${target.upstream}"`;
  const listing = await patiently(clock, what, upstream.list(kind, caller, signal));
  if ("kind" in listing) return deny(listing.code, listing.why);
  const item = listing.items.find(({ key }) => key === target.name);
  if (item === undefined) return unknown;
  return isWithheld(client.name, target.upstream, kind, item) ? withheld : undefined;
}

function listOf({ what, isTemplate }: OneTarget): ListKind | undefined {
  if (what === "prompt") return "prompts";
  return isTemplate ? "resourceTemplates" : undefined;
}
