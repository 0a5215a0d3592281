/** Which ways lead a client into an upstream. */
import type { TargetKind } from "../mcp/index.ts";
import type { KindReach, UpstreamReach } from "./reach.ts";
import type { Thing } from "./subject.ts";
import { isCovered } from "./template.ts";

const kinds: readonly TargetKind[] = ["tool", "resource", "prompt"];

/** What could be allowed but for blocks, as globs; worked out once, for every exchange asks. */
export function createWays(
  reach: ReadonlyMap<string, UpstreamReach>,
): (client: string, upstream: string) => readonly Thing[] {
  const ways = new Map<UpstreamReach, Map<string, readonly Thing[]>>();
  return (client, upstream) => {
    const reached = reach.get(upstream);
    if (reached === undefined) return [];
    const known = ways.get(reached) ?? new Map<string, readonly Thing[]>();
    ways.set(reached, known);
    const found = known.get(client) ?? toWays(reached, client, upstream);
    known.set(client, found);
    return found;
  };
}

function toWays(reached: UpstreamReach, client: string, upstream: string): readonly Thing[] {
  return kinds.flatMap((kind) =>
    openGlobs(reached[kind], client).map((name) => ({ kind, upstream, name })),
  );
}

/** The allow patterns that name something which could be allowed. */
function openGlobs(kind: KindReach, client: string): readonly string[] {
  if (kind.exposed?.entries.length === 0) return [];
  const globs = kind.allowed.get(client)?.entries.map(({ glob }) => glob) ?? [];
  return globs.filter((glob) => !isCovered(kind, client, glob));
}
