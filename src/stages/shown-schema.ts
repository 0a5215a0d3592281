/** A tool as one caller sees it: without the arguments that the gateway sees to. */
import { utf8Length } from "../core/index.ts";
import {
  type Edit,
  type JsonObject,
  isObject,
  items,
  member,
  removals,
  removeItems,
  reread,
  splice,
  stringOf,
} from "../mcp/index.ts";
import type { ShownItem } from "./page.ts";

/** By the names of a tool's arguments. */
export interface SeenTo {
  /** Always sent with the policy's value, so that nobody can ask for another one. */
  readonly pinned: ReadonlySet<string>;
  /** Sent with the policy's value where the caller gives none. */
  readonly defaulted: ReadonlySet<string>;
}

/** Cuts the text of a tool, once for all who are shown the same of it. */
export type CutSchema = <Item extends ShownItem>(tool: Item, seenTo: SeenTo) => Item;

export function createSchemaCutter(): CutSchema {
  const known = new WeakMap<ShownItem, Map<string, ShownItem>>();

  return <Item extends ShownItem>(tool: Item, seenTo: SeenTo): Item => {
    if (seenTo.pinned.size + seenTo.defaulted.size === 0) return tool;
    const variants = known.get(tool) ?? new Map<string, ShownItem>();
    known.set(tool, variants);
    const variant = JSON.stringify([[...seenTo.pinned], [...seenTo.defaulted]]);
    const text = variants.get(variant)?.text ?? cut(tool.text, seenTo);
    const shown = { ...tool, text, bytes: utf8Length(text) };
    variants.set(variant, shown);
    return shown;
  };
}

/** What it takes away it takes away whole, headers that mirror an argument too; the rest keeps its bytes. */
function cut(text: string, { pinned, defaulted }: SeenTo): string {
  const tool = reread(text);
  const schema = member(tool, "inputSchema");
  if (!isObject(schema)) return text;
  const properties = member(schema, "properties");
  const edits = isObject(properties) ? removals(properties, (key) => pinned.has(key)) : [];
  const isOptional = (key: string): boolean => pinned.has(key) || defaulted.has(key);
  return splice(tool, [...edits, ...cutRequired(schema, isOptional)]);
}

/** The whole member where nothing is left: older drafts know no empty `required`. */
function cutRequired(schema: JsonObject, isOptional: (key: string) => boolean): readonly Edit[] {
  const required = member(schema, "required");
  if (required === undefined) return [];
  const gone = items(required).map((each) => isOptional(stringOf(each) ?? ""));
  if (!gone.includes(true)) return [];
  return gone.includes(false)
    ? removeItems(required, (index) => gone[index] === true)
    : removals(schema, (key) => key === "required");
}
