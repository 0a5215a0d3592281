/** One list made of the lists of several upstreams, cut to what one client may use. */
import {
  type AnswerMessage,
  type Clock,
  type Failure,
  type ListTarget,
  type Log,
  type Metered,
  type Redaction,
  failure,
  utf8Length,
} from "../core/index.ts";
import {
  type JsonObject,
  type ListKind,
  isObject,
  member,
  parseJson,
  replace,
  splice,
} from "../mcp/index.ts";
import type { Policy, Subject } from "../policy/index.ts";
import type { SanitizeSettings } from "../sanitize/index.ts";
import type { Listing, Names, Upstreams } from "../upstreams/index.ts";
import { createListCleaner, itemKeys } from "./clean-lists.ts";
import { patiently } from "./patience.ts";

export interface ListAnswer {
  readonly message: AnswerMessage;
  readonly redactions: readonly Redaction[];
}
export interface Lists {
  readonly list: (exchange: Metered, target: ListTarget) => Promise<ListAnswer>;
}

export interface ListSettings {
  readonly settings: (client: string, upstream: string) => SanitizeSettings;
  readonly maxResponseBytes: (client: string) => number;
}

/** How long a client may keep a list; it was cut to one caller's rights. */
const ttlMs = 60_000;
/** A list of the gateway's own making is bounded by its length, which `maxResponseBytes` holds. */
const maxNodes = 20_000_000;

interface Part {
  readonly upstream: string;
  readonly shown: readonly { readonly name: string; readonly text: string }[];
  readonly redactions: readonly Redaction[];
}

export function createLists(
  policy: Policy,
  upstreams: Upstreams,
  names: Names,
  rules: ListSettings,
  ports: { readonly clock: Clock; readonly log: Log },
): Lists {
  const { clock, log } = ports;
  const cleanList = createListCleaner();

  return {
    list: async (exchange, { list: kind, upstreams: asked }) => {
      const { client, input, signal } = exchange;
      const caller = { client, caller: input.caller };
      const answers = await Promise.all(
        asked.map(async (name): Promise<Part | Failure> => {
          const listing = await ask(name, upstreams.get(name)?.list(kind, caller, signal));
          return "kind" in listing ? listing : toPart(exchange, name, kind, listing);
        }),
      );
      const failures = answers.filter((each) => "kind" in each);
      const [first] = failures;
      if (first !== undefined && failures.length === answers.length) {
        return { message: first, redactions: [] };
      }
      const parts = fitting(
        answers.filter((each): each is Part => !("kind" in each)),
        rules.maxResponseBytes(client.name),
      );
      const texts = withoutCollisions(parts.flatMap(({ shown }) => shown));
      const result = toResult(kind, texts);
      const redactions = parts.flatMap((part) => part.redactions);
      return { message: { kind: "result", result }, redactions };
    },
  };

  async function ask(
    name: string,
    listing: Promise<Listing | Failure> | undefined,
  ): Promise<Listing | Failure> {
    if (listing === undefined) return failure("UPSTREAM_UNAVAILABLE", "The upstream is gone");
    return patiently(clock, `The list of "${name}"`, listing);
  }

  function toPart(
    exchange: Metered,
    name: string,
    kind: ListKind,
    listing: Listing,
  ): Part | Failure {
    const { client, address, endpoint } = exchange;
    const cleaned = cleanList(kind, listing, rules.settings(client.name, name));
    if (cleaned.denied !== undefined) return failure("RESPONSE_WITHHELD", cleaned.denied);
    const subject = { client: client.name, address };
    const isShared = endpoint.upstream === undefined;
    const shown = cleaned.items
      .filter(({ key }) => isVisible(subject, name, kind, key))
      .map(({ key, json }) => {
        const shownName = isShared ? showName(name, kind, key) : key;
        const field = member(json, itemKeys[kind]);
        const isSame = shownName === key || field === undefined;
        const edits = isSame ? [] : [replace(field, JSON.stringify(shownName))];
        return { name: shownName, text: splice(json, edits) };
      });
    return { upstream: name, shown, redactions: cleaned.redactions };
  }

  function isVisible(subject: Subject, upstream: string, kind: ListKind, name: string): boolean {
    if (kind === "resourceTemplates") return policy.showsTemplate(subject, upstream, name);
    const what = kind === "tools" ? "tool" : kind === "prompts" ? "prompt" : "resource";
    return policy.decide(subject, { kind: what, upstream, name }).allowed;
  }

  function showName(upstream: string, kind: ListKind, key: string): string {
    return kind === "tools" || kind === "prompts"
      ? names.show(upstream, key)
      : names.showUri(upstream, key);
  }

  /** One upstream with a huge list must not cost the client the lists of all others. */
  function fitting(parts: readonly Part[], maxBytes: number): readonly Part[] {
    const sizes = parts.map(({ shown }) =>
      shown.reduce((sum, { text }) => sum + utf8Length(text), 0),
    );
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (total <= maxBytes) return parts;
    const share = maxBytes / parts.length;
    return parts.filter(({ upstream }, index) => {
      const fits = (sizes[index] ?? 0) <= share;
      if (!fits) log.warn("An upstream's list is too large and left out", { upstream });
      return fits;
    });
  }
}

/** Two things with one shown name are both dropped: a caller could not say which it means. */
function withoutCollisions(shown: readonly { name: string; text: string }[]): string[] {
  const counts = new Map<string, number>();
  for (const { name } of shown) counts.set(name, (counts.get(name) ?? 0) + 1);
  return shown.filter(({ name }) => counts.get(name) === 1).map(({ text }) => text);
}

function toResult(kind: ListKind, texts: readonly string[]): JsonObject {
  const parsed = parseJson(
    `{"${kind}":[${texts.join(",")}],"resultType":"complete","ttlMs":${ttlMs},"cacheScope":"private"}`,
    { maxNodes },
  );
  if (!parsed.ok || !isObject(parsed.json)) throw new Error("A list result is no object");
  return parsed.json;
}
