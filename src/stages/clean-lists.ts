/** An upstream's list, cleaned under its own settings once for all who ask while it is cached. */
import type { Redaction } from "../core/index.ts";
import {
  type JsonObject,
  type ListKind,
  isObject,
  items,
  member,
  reread,
  stringOf,
  textOf,
} from "../mcp/index.ts";
import { type SanitizeSettings, cleanMessage } from "../sanitize/index.ts";
import type { ListedItem, Listing } from "../upstreams/index.ts";

export interface CleanItem {
  /** The upstream's own name, URI or URI template. */
  readonly key: string;
  readonly json: JsonObject;
}
export interface CleanListing {
  readonly items: readonly CleanItem[];
  readonly redactions: readonly Redaction[];
  /** Set where the whole is withheld, since it is too costly to search. */
  readonly denied: string | undefined;
}

/** The member that names an item of each list. */
export const itemKeys: Record<ListKind, string> = {
  tools: "name",
  prompts: "name",
  resources: "uri",
  resourceTemplates: "uriTemplate",
};

const methods: Record<ListKind, string> = {
  tools: "tools/list",
  prompts: "prompts/list",
  resources: "resources/list",
  resourceTemplates: "resources/templates/list",
};

export type CleanList = (
  kind: ListKind,
  listing: Listing,
  settings: SanitizeSettings,
) => CleanListing;

export function createListCleaner(): CleanList {
  const known = new WeakMap<Listing, Map<string, CleanListing>>();

  return (kind, listing, settings) => {
    const variants = known.get(listing) ?? new Map<string, CleanListing>();
    known.set(listing, variants);
    const variant = toVariant(kind, settings);
    const cleaned = variants.get(variant) ?? clean(kind, listing, settings);
    variants.set(variant, cleaned);
    return cleaned;
  };
}

function clean(kind: ListKind, listing: Listing, settings: SanitizeSettings): CleanListing {
  const { list, redactions, denied } = cleanAll(kind, listing.items, settings);
  // Of a list that is too costly to search nothing is left.
  if (denied !== undefined && list.length === 0) return { items: [], redactions, denied };
  const cleaned = list.flatMap((json, index) => {
    const key = stringOf(member(json, itemKeys[kind]));
    const own = listing.items[index];
    const isLeftOut = denied !== undefined && own !== undefined && isWithheld(kind, own, settings);
    return isObject(json) && key !== undefined && !isLeftOut ? [{ key, json }] : [];
  });
  return { items: cleaned, redactions, denied: undefined };
}

/**
 * Whether the settings withhold an item, so that the list is shown without it and it cannot be used
 * either (law 4). One bad item takes no other with it.
 */
export function isWithheld(kind: ListKind, item: ListedItem, settings: SanitizeSettings): boolean {
  if (settings.secrets !== "deny" && settings.hidden !== "deny") return false;
  const variants = verdicts.get(item.json) ?? new Map<string, boolean>();
  verdicts.set(item.json, variants);
  const variant = toVariant(kind, settings);
  const verdict = variants.get(variant) ?? cleanAll(kind, [item], settings).denied !== undefined;
  variants.set(variant, verdict);
  return verdict;
}

/** An item is the same object for as long as its list is cached. */
const verdicts = new WeakMap<JsonObject, Map<string, boolean>>();

function cleanAll(kind: ListKind, listed: readonly ListedItem[], settings: SanitizeSettings) {
  const result = reread(`{"${kind}":[${listed.map(({ json }) => textOf(json)).join(",")}]}`);
  if (!isObject(result)) throw new Error("A list is no object");
  const context = { method: methods[kind] };
  const cleaned = cleanMessage({ kind: "result", result }, settings, context);
  const { message, redactions, denied } = cleaned;
  const list = message.kind === "result" ? items(member(message.result, kind)) : [];
  return { list, redactions, denied };
}

function toVariant(kind: ListKind, { secrets, hidden }: SanitizeSettings): string {
  return `${kind} ${secrets} ${hidden}`;
}
