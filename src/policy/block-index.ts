/** Blocks as they are asked at each decision. */
import type { Block } from "../core/index.ts";
import { isLive } from "./block-state.ts";
import { createLooseIndex } from "./loose-uri.ts";
import { type NameIndex, createNameIndex } from "./name-index.ts";
import { patternsFor } from "./pattern.ts";
import type { Caller, Thing } from "./policy.ts";

export type FindBlock = (
  caller: Caller,
  thing: Thing | undefined,
  now: number,
) => Block | undefined;

interface UpstreamBlocks {
  readonly names: NameIndex<Block>;
  readonly uris: NameIndex<Block>;
}

export function createBlockIndex(blocks: readonly Block[]): FindBlock {
  if (blocks.length === 0) return () => undefined;
  const whole = blocks.filter(({ target }) => target === undefined || isEverything(target));
  const aimed = blocks.filter((block) => !whole.includes(block));
  /** Made when an upstream is first asked about; the config names them. */
  const known = new Map<string, UpstreamBlocks>();
  const of = (upstream: string): UpstreamBlocks => {
    const found = known.get(upstream) ?? toUpstreamBlocks(aimed, upstream);
    known.set(upstream, found);
    return found;
  };
  return (caller, thing, now) => {
    const fits = (block: Block): boolean => concerns(block, caller) && isLive(block, now);
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

function concerns({ client, subject }: Block, caller: Caller): boolean {
  return (
    (client === undefined || client === caller.client) &&
    (subject === undefined || subject === caller.subject)
  );
}

function isEverything(target: string): boolean {
  return target === "*" || /^\*+\/\*+$/.test(target);
}
