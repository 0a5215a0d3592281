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
import type { Listing } from "../upstreams/index.ts";

export interface CleanItem {
  /** The upstream's own name, URI or URI template. */
  readonly key: string;
  readonly json: JsonObject;
}
export interface CleanListing {
  readonly items: readonly CleanItem[];
  readonly redactions: readonly Redaction[];
  /** Set where the settings withhold the whole. */
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
    const variant = `${settings.secrets} ${settings.hidden}`;
    const cleaned = variants.get(variant) ?? clean(kind, listing, settings);
    variants.set(variant, cleaned);
    return cleaned;
  };
}

function clean(kind: ListKind, listing: Listing, settings: SanitizeSettings): CleanListing {
  const texts = listing.items.map(({ json }) => textOf(json));
  const result = reread(`{"${kind}":[${texts.join(",")}]}`);
  if (!isObject(result)) throw new Error("A list is no object");
  const context = { method: methods[kind] };
  const { message, redactions, denied } = cleanMessage(
    { kind: "result", result },
    settings,
    context,
  );
  const list = message.kind === "result" ? items(member(message.result, kind)) : [];
  const cleaned = list.flatMap((json) => {
    const key = stringOf(member(json, itemKeys[kind]));
    return isObject(json) && key !== undefined ? [{ key, json }] : [];
  });
  return { items: cleaned, redactions, denied };
}
