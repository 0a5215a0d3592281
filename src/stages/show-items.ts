/** The items of an upstream's list under the names that clients know, made once for all who look. */
import { utf8Length } from "../core/index.ts";
import {
  type Edit,
  type JsonObject,
  type ListKind,
  at,
  member,
  replace,
  splice,
  stringOf,
} from "../mcp/index.ts";
import type { Names } from "../upstreams/index.ts";
import { type CleanItem, type CleanListing, itemKeys } from "./clean-lists.ts";
import type { ShownItem } from "./page.ts";

export interface ShowableItem extends ShownItem {
  /** The upstream's own name, URI or URI template. */
  readonly key: string;
}
/** `upstream` is the one whose items are shown among those of others; undefined keeps their names. */
export type ShowItems = (
  listing: CleanListing,
  kind: ListKind,
  upstream: string | undefined,
) => readonly ShowableItem[];

export function createItemShower(names: Names): ShowItems {
  const shared = new WeakMap<CleanListing, readonly ShowableItem[]>();
  const own = new WeakMap<CleanListing, readonly ShowableItem[]>();

  return (listing, kind, upstream) => {
    const known = upstream === undefined ? own : shared;
    const items = known.get(listing) ?? listing.items.map((item) => show(item, kind, upstream));
    known.set(listing, items);
    return items;
  };

  function show({ key, json }: CleanItem, kind: ListKind, upstream: string | undefined) {
    const name = upstream === undefined ? key : showName(upstream, kind, key);
    const field = member(json, itemKeys[kind]);
    const isSame = name === key || field === undefined;
    const renamed = isSame ? [] : [replace(field, JSON.stringify(name))];
    const pages = upstream === undefined || kind !== "tools" ? [] : showPages(json, upstream);
    const text = splice(json, [...renamed, ...pages]);
    return { key, name, text, bytes: utf8Length(text) };
  }

  /** The resource that a host shows for a tool (extension ui), in both places where it may stand. */
  function showPages(json: JsonObject, upstream: string): Edit[] {
    const meta = member(json, "_meta");
    return [at(meta, "ui", "resourceUri"), member(meta, "ui/resourceUri")].flatMap((uri) => {
      const own = stringOf(uri);
      if (uri === undefined || own === undefined) return [];
      return [replace(uri, JSON.stringify(names.showUri(upstream, own)))];
    });
  }

  function showName(upstream: string, kind: ListKind, key: string): string {
    return kind === "tools" || kind === "prompts"
      ? names.show(upstream, key)
      : names.showUri(upstream, key);
  }
}
