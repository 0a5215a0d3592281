/** The blocks as they are kept: instances change them apart, and come to the same all the same. */
import { type Block, utf8Length } from "../core/index.ts";
import { type Json, at, exactNumber, items, member, parseJson, stringOf } from "../mcp/index.ts";

export interface BlockState {
  readonly blocks: readonly Block[];
  /** The ids of those that were taken back, so that no older list brings one of them again. */
  readonly removed: readonly string[];
}

const maxBlocks = 1_000;
/** Beyond these the oldest are forgotten; an older list could then bring its block again. */
const maxRemoved = 1_000;
/** In UTF-8; leaves room in what can be kept, so that lists that grew apart can be merged. */
const maxBytes = 300_000;
/** Instances whose clocks differ do not forget a block that is in force with another of them. */
const maxClockSkewMs = 15 * 60_000;

export const noBlocks: BlockState = { blocks: [], removed: [] };

export function isLive({ until }: Block, now: number): boolean {
  return until === undefined || now < until;
}

/**
 * What is kept together with what is known here, without what either of them took back. So the order
 * does not matter in which instances hear of each other, and a list that is older than ours, as one
 * from a backup, takes no block away.
 */
export function mergeBlocks(kept: BlockState, ours: BlockState, now: number): BlockState {
  const removed = new Set([...ours.removed, ...kept.removed]);
  const known = new Set(kept.blocks.map(({ id }) => id));
  const more = ours.blocks.filter((block) => !known.has(block.id) && isLive(block, now));
  return {
    blocks: [...kept.blocks, ...more].filter(({ id }) => !removed.has(id)),
    removed: [...removed].slice(-maxRemoved),
  };
}

/** Whether what is kept lacks one of the blocks, or has one that was taken back. */
export function isBehind(kept: BlockState, merged: BlockState): boolean {
  const known = new Set(kept.blocks.map(({ id }) => id));
  return known.size !== merged.blocks.length || merged.blocks.some(({ id }) => !known.has(id));
}

/** Throws a `RangeError` where there are too many. */
export function withBlock(state: BlockState, block: Block, now: number): BlockState {
  const kept = state.blocks.filter((each) => isLive(each, now - maxClockSkewMs));
  if (kept.filter((each) => isLive(each, now)).length >= maxBlocks) {
    throw new RangeError(`There are ${maxBlocks} blocks, and no more are kept`);
  }
  const next = { ...state, blocks: [...kept, block] };
  if (utf8Length(toText(next)) > maxBytes) {
    throw new RangeError(`The blocks are larger than ${maxBytes} bytes, and no more are kept`);
  }
  return next;
}

/** Undefined where no block that is in force has this id. */
export function withoutBlock(state: BlockState, id: string, now: number): BlockState | undefined {
  if (!state.blocks.some((each) => each.id === id && isLive(each, now))) return undefined;
  return {
    blocks: state.blocks.filter((each) => each.id !== id && isLive(each, now - maxClockSkewMs)),
    removed: [...state.removed, id].slice(-maxRemoved),
  };
}

export function toText({ blocks, removed }: BlockState): string {
  return JSON.stringify({ blocks, removed });
}

/** Undefined where the text is no list of blocks. One unreadable block makes all of it so. */
export function parseBlocks(text: string): BlockState | undefined {
  const parsed = parseJson(text);
  if (!parsed.ok) return undefined;
  const listed = at(parsed.json, "blocks");
  const gone = at(parsed.json, "removed");
  if (listed?.node.type !== "array" || gone?.node.type !== "array") return undefined;
  const blocks = items(listed).map(parseBlock);
  const removed = items(gone).map(stringOf);
  const known = blocks.filter((each) => each !== undefined);
  const ids = removed.filter((each) => each !== undefined);
  const isEachOnce = new Set(known.map(({ id }) => id)).size === blocks.length;
  const isWhole = isEachOnce && ids.length === removed.length;
  return isWhole ? { blocks: known, removed: ids } : undefined;
}

const optional = ["target", "client", "subject"] as const;

function parseBlock(json: Json): Block | undefined {
  const id = stringOf(member(json, "id"));
  const why = stringOf(member(json, "why"));
  const by = stringOf(member(json, "by"));
  const set = exactNumber(member(json, "at"));
  const until = member(json, "until");
  const ends = exactNumber(until);
  if (id === undefined || why === undefined || by === undefined || set === undefined) return;
  if (until !== undefined && ends === undefined) return;
  const names: { [key in (typeof optional)[number]]?: string } = {};
  for (const key of optional) {
    const named = member(json, key);
    const name = stringOf(named);
    // A name that cannot be read is not taken for an absent one.
    if (named !== undefined && name === undefined) return;
    if (name !== undefined) names[key] = name;
  }
  return { id, ...names, why, by, at: set, ...(ends === undefined ? {} : { until: ends }) };
}
