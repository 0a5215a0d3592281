/** One list made of the lists of several upstreams, cut to what one client may use, in pages. */
import {
  type AnswerMessage,
  type Caller,
  type Clock,
  type Crypto,
  type Deny,
  type Failure,
  type ListTarget,
  type Log,
  type Metered,
  type Redaction,
  type Sealer,
  deny,
  failure,
} from "../core/index.ts";
import { type JsonObject, type ListKind, isObject, parseJson } from "../mcp/index.ts";
import type { Policy, Subject } from "../policy/index.ts";
import type { SanitizeSettings } from "../sanitize/index.ts";
import type { Listing, Names, Upstreams } from "../upstreams/index.ts";
import { createListCleaner } from "./clean-lists.ts";
import { createCursors } from "./cursor.ts";
import { type Part, cutPage } from "./page.ts";
import { patiently } from "./patience.ts";
import type { ReviewListing } from "./review-list.ts";
import { type ShowableItem, createItemShower } from "./show-items.ts";
import { createSchemaCutter } from "./shown-schema.ts";
import { subjectOf } from "./subject.ts";

export interface ListAnswer {
  readonly message: AnswerMessage;
  readonly redactions: readonly Redaction[];
}
/** Who looks at a list, and from where. */
export interface ListFacts extends Pick<Metered, "client" | "address" | "endpoint" | "signal"> {
  readonly input: { readonly caller: Caller };
}
export interface Lists {
  /**
   * One page; refused as `CURSOR_INVALID` where the target's cursor is not one for this caller.
   * `review` is what plugins say of each upstream's part.
   */
  readonly list: (
    facts: ListFacts,
    target: ListTarget,
    review?: ReviewListing,
  ) => Promise<ListAnswer | Deny>;
  /**
   * SHA-256 over all that this caller sees, templates with the resources: another one where that
   * has changed, whatever plugins make of it. Undefined where every upstream fails.
   */
  readonly digest: (
    facts: ListFacts,
    upstreams: readonly string[],
    list: "tools" | "prompts" | "resources",
  ) => Promise<string | undefined>;
}

export interface ListSettings {
  readonly settings: (client: string, upstream: string) => SanitizeSettings;
  readonly maxResponseBytes: (client: string) => number;
}
export interface ListPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly crypto: Crypto;
  /** For cursors. */
  readonly sealer: Sealer;
}

/** How long a client may keep a list; it was cut to one caller's rights. */
const ttlMs = 60_000;
/** A list of the gateway's own making is bounded by the size of its pages. */
const maxNodes = 20_000_000;
const maxPageItems = 500;
const maxPageBytes = 1024 * 1024;
/** What a page needs beside its items: its frame, and the cursor of the next one. */
const frameBytes = 4_096;

interface CleanPart extends Part {
  readonly redactions: readonly Redaction[];
}

export function createLists(
  policy: Policy,
  upstreams: Upstreams,
  names: Names,
  rules: ListSettings,
  { clock, log, crypto, sealer }: ListPorts,
): Lists {
  const cleanList = createListCleaner();
  const showItems = createItemShower(names);
  const cutSchema = createSchemaCutter();
  const cursors = createCursors(sealer, clock);

  return {
    list: async (facts, { list: kind, upstreams: asked, cursor }, review) => {
      const owner = { client: facts.client, endpoint: facts.endpoint, list: kind };
      const from = cursor === undefined ? undefined : await cursors.open(owner, cursor);
      if (cursor !== undefined && from === undefined) {
        return deny("CURSOR_INVALID", "The cursor is forged, foreign or expired");
      }
      const parts = await look(facts, asked, kind, review);
      if ("kind" in parts) return { message: parts, redactions: [] };
      const page = cutPage(parts, from, {
        maxItems: maxPageItems,
        maxBytes: toMaxBytes(facts.client.name),
      });
      if (page === undefined) {
        return deny("CURSOR_INVALID", "The list has changed too much to go on with it");
      }
      const { items, next } = page;
      const texts = items.map(({ text }) => text);
      const nextCursor = next === undefined ? undefined : await cursors.seal(owner, next);
      const result = toResult(kind, texts, nextCursor);
      const redactions = parts.flatMap((part) => part.redactions);
      return { message: { kind: "result", result }, redactions };
    },
    digest: async (facts, asked, list) => {
      const kinds: ListKind[] = list === "resources" ? [list, "resourceTemplates"] : [list];
      const texts: string[] = [];
      for (const kind of kinds) {
        const parts = await look(facts, asked, kind);
        if ("kind" in parts) return undefined;
        const shown = parts.flatMap((part) => part.shown.map(({ text }) => text));
        texts.push(`[${shown.join(",")}]`);
      }
      return crypto.sha256(texts.join(""));
    },
  };

  /** All that this caller sees, in the order of the upstreams; a failure where all of them fail. */
  async function look(
    facts: ListFacts,
    asked: readonly string[],
    kind: ListKind,
    review?: ReviewListing,
  ): Promise<readonly CleanPart[] | Failure> {
    const caller = { client: facts.client, caller: facts.input.caller };
    const answers = await Promise.all(
      asked.map(async (name): Promise<CleanPart | Failure> => {
        const listing = await ask(name, upstreams.get(name)?.list(kind, caller, facts.signal));
        if ("kind" in listing) return listing;
        const reviewed = review
          ? await review(name, listing, toVisible(facts, name, kind))
          : listing;
        return "kind" in reviewed ? reviewed : toPart(facts, name, kind, reviewed);
      }),
    );
    const failures = answers.filter((each) => "kind" in each);
    const [first] = failures;
    if (first !== undefined && failures.length === answers.length) return first;
    const parts = answers.map((each, index) =>
      "kind" in each ? { upstream: asked[index] ?? "", shown: [], redactions: [] } : each,
    );
    return withoutCollisions(parts);
  }

  async function ask(
    name: string,
    listing: Promise<Listing | Failure> | undefined,
  ): Promise<Listing | Failure> {
    if (listing === undefined) return failure("UPSTREAM_UNAVAILABLE", "The upstream is gone");
    return patiently(clock, `The list of "${name}"`, listing);
  }

  function toPart(
    facts: ListFacts,
    upstream: string,
    kind: ListKind,
    listing: Listing,
  ): CleanPart | Failure {
    const { client, endpoint } = facts;
    const cleaned = cleanList(kind, listing, rules.settings(client.name, upstream));
    if (cleaned.denied !== undefined) return failure("RESPONSE_WITHHELD", cleaned.denied);
    const subject = subjectOf(facts);
    const isVisible = toVisible(facts, upstream, kind);
    const items = showItems(cleaned, kind, endpoint.upstream === undefined ? upstream : undefined);
    const own = items.filter(({ key }) => isVisible(key));
    const visible = kind === "tools" ? own.map((tool) => toSeen(subject, upstream, tool)) : own;
    const maxBytes = toMaxBytes(client.name);
    const shown = visible.filter(({ bytes }) => bytes < maxBytes);
    if (shown.length < visible.length) {
      const count = visible.length - shown.length;
      log.warn("Items of an upstream's list are too large for a client and left out", {
        upstream,
        client: client.name,
        count,
      });
    }
    return { upstream, shown, redactions: cleaned.redactions };
  }

  function toSeen(subject: Subject, upstream: string, tool: ShowableItem): ShowableItem {
    const thing = { kind: "tool", upstream, name: tool.key } as const;
    const pinned = policy.pinned(subject, thing);
    return cutSchema(tool, { pinned, defaulted: policy.defaulted(subject, thing) });
  }

  function toVisible(facts: ListFacts, upstream: string, kind: ListKind): (key: string) => boolean {
    const subject = subjectOf(facts);
    if (kind === "resourceTemplates") {
      return (template) => policy.showsTemplate(subject, upstream, template);
    }
    const what = kind === "tools" ? "tool" : kind === "prompts" ? "prompt" : "resource";
    return (name) => policy.decide(subject, { kind: what, upstream, name }).allowed;
  }

  function toMaxBytes(client: string): number {
    return Math.min(maxPageBytes, rules.maxResponseBytes(client) - frameBytes);
  }
}

/** Two things with one shown name are both dropped: a caller could not say which it means. */
function withoutCollisions(parts: readonly CleanPart[]): readonly CleanPart[] {
  const counts = new Map<string, number>();
  for (const { shown } of parts) {
    for (const { name } of shown) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return parts.map((part) => ({
    ...part,
    shown: part.shown.filter(({ name }) => counts.get(name) === 1),
  }));
}

function toResult(
  kind: ListKind,
  texts: readonly string[],
  nextCursor: string | undefined,
): JsonObject {
  const next = nextCursor === undefined ? "" : `"nextCursor":${JSON.stringify(nextCursor)},`;
  const parsed = parseJson(
    `{"${kind}":[${texts.join(",")}],${next}"resultType":"complete","ttlMs":${ttlMs},"cacheScope":"private"}`,
    { maxNodes },
  );
  if (!parsed.ok || !isObject(parsed.json)) throw new Error("A list result is no object");
  return parsed.json;
}
