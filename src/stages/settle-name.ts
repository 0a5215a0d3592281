/** Decides what a shown name means where the name alone does not say it. */
import { type Cancellation, type Clock, compileGlob, templateToGlob } from "../core/index.ts";
import type { ListKind, TargetKind } from "../mcp/index.ts";
import type { NameCandidate, UpstreamCaller, Upstreams } from "../upstreams/index.ts";
import { patiently } from "./patience.ts";

interface Question {
  readonly candidates: readonly NameCandidate[];
  readonly reachable: readonly string[];
  readonly shown: string;
  readonly what: TargetKind;
  readonly upstreams: Upstreams;
  readonly caller: UpstreamCaller;
  readonly signal: Cancellation;
  readonly clock: Clock;
}

export interface SettledName {
  readonly upstream: string;
  readonly name: string;
}

/**
 * The upstream and its own name for what a client calls `shown`. The name alone decides in nearly
 * every case; the lists are asked only where it was shortened, or where an upstream without a
 * prefix could own the name of another. A name that two upstreams own is nobody's; one that cannot
 * say what it has owns nothing.
 */
export async function settleName(question: Question): Promise<SettledName | undefined> {
  const candidates = question.candidates.filter((each) =>
    question.reachable.includes(each.upstream),
  );
  const [only] = candidates;
  if (candidates.length === 1 && only?.name !== undefined) {
    return { upstream: only.upstream, name: only.name };
  }
  const found = await Promise.all(candidates.map((each) => findOwned(question, each)));
  const owned = found.filter((each) => each !== undefined);
  return owned.length === 1 ? owned[0] : undefined;
}

const lists: Record<TargetKind, readonly ListKind[]> = {
  tool: ["tools"],
  resource: ["resources", "resourceTemplates"],
  prompt: ["prompts"],
};

async function findOwned(
  question: Question,
  candidate: NameCandidate,
): Promise<SettledName | undefined> {
  for (const kind of lists[question.what]) {
    const listed = await list(question, candidate.upstream, kind);
    const name = listed.map((key) => owns(question, candidate, kind, key)).find(Boolean);
    if (name !== undefined) return { upstream: candidate.upstream, name };
  }
  return undefined;
}

function owns(
  { shown }: Question,
  { name, shows }: NameCandidate,
  kind: ListKind,
  key: string,
): string | undefined {
  if (name === undefined) return shows(key, shown) ? key : undefined;
  if (key === name) return key;
  const isExpansion = kind === "resourceTemplates" && compileGlob(templateToGlob(key))(name);
  return isExpansion ? name : undefined;
}

/** What is held back keeps its name: nobody else's thing may be called by it meanwhile. */
async function list(
  { upstreams, caller, signal, clock }: Question,
  upstream: string,
  kind: ListKind,
): Promise<readonly string[]> {
  const listing = upstreams.get(upstream)?.list(kind, caller, signal);
  if (listing === undefined) return [];
  const found = await patiently(clock, `The list of "${upstream}"`, listing);
  if ("kind" in found) return [];
  return [...found.items.map(({ key }) => key), ...(found.quarantined?.keys() ?? [])];
}
