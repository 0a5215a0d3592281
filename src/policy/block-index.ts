/** Blocks as they are asked at each decision. */
import type { Block } from "../core/index.ts";
import { isLive } from "./block-state.ts";
import { createLooseIndex } from "./loose-uri.ts";
import { type NameIndex, createNameIndex } from "./name-index.ts";
import { patternsFor } from "./pattern.ts";
import type { Caller, Thing } from "./subject.ts";

export type FindBlock = (
  caller: Caller,
  thing: Thing | undefined,
  now: number,
) => Block | undefined;

interface UpstreamBlocks {
  readonly names: NameIndex<Block>;
  readonly uris: NameIndex<Block>;
}
/** The blocks of whoever it is, wherever the caller is one of them. */
type FindTarget = (thing: Thing | undefined, now: number) => Block | undefined;

/** By whom they name, so that a caller costs nothing for the blocks of others. */
export function createBlockIndex(blocks: readonly Block[]): FindBlock {
  if (blocks.length === 0) return () => undefined;
  const bySubject = mapGroups(blocks, "subject", (ofSubject) =>
    mapGroups(ofSubject, "client", createTargetIndex),
  );
  const ofCaller = ({ client, subject }: Caller): readonly FindTarget[] => {
    const subjects = subject === undefined ? [undefined] : [undefined, subject];
    return subjects.flatMap((who) => {
      const byClient = bySubject.get(who);
      return [byClient?.get(undefined) ?? [], byClient?.get(client) ?? []].flat();
    });
  };
  return (caller, thing, now) => {
    for (const find of ofCaller(caller)) {
      const found = find(thing, now);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/** Under undefined those that name nobody. */
function mapGroups<T>(
  blocks: readonly Block[],
  by: "client" | "subject",
  build: (group: readonly Block[]) => T,
): ReadonlyMap<string | undefined, T> {
  const groups = new Map<string | undefined, Block[]>();
  for (const block of blocks) {
    const group = groups.get(block[by]) ?? [];
    group.push(block);
    groups.set(block[by], group);
  }
  return new Map([...groups].map(([name, group]) => [name, build(group)]));
}

function createTargetIndex(blocks: readonly Block[]): FindTarget {
  const whole = blocks.filter(({ target }) => target === undefined || isEverything(target));
  const aimed = blocks.filter((block) => !whole.includes(block));
  /** Made when an upstream is first asked about; the config names them. */
  const known = new Map<string, UpstreamBlocks>();
  const of = (upstream: string): UpstreamBlocks => {
    const found = known.get(upstream) ?? toUpstreamBlocks(aimed, upstream);
    known.set(upstream, found);
    return found;
  };
  return (thing, now) => {
    const fits = (block: Block): boolean => isLive(block, now);
    const first = whole.find(fits);
    if (first !== undefined || thing === undefined || aimed.length === 0) return first;
    const { names, uris } = of(thing.upstream);
    // As with rules: whatever a server may take for the URI that is blocked.
    return (thing.kind === "resource" ? uris : names).find(thing.name).find(fits);
  };
}

function toUpstreamBlocks(blocks: readonly Block[], upstream: string): UpstreamBlocks {
  const entries = blocks.flatMap((block) =>
    patternsFor(upstream, block.target === undefined ? [] : [block.target]).map(({ glob }) => ({
      glob,
      value: block,
    })),
  );
  return { names: createNameIndex(entries), uris: createLooseIndex(entries) };
}

function isEverything(target: string): boolean {
  return target === "*" || /^\*+\/\*+$/.test(target);
}
