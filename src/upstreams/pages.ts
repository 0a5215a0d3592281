/** Reads one whole list of an upstream, page by page. */
import { type Clock, type Failure, failure } from "../core/index.ts";
import {
  type ErrorMessage,
  type JsonObject,
  type ListKind,
  type ResultMessage,
  exactNumber,
  isObject,
  items,
  member,
  stringOf,
  textOf,
} from "../mcp/index.ts";
import { quote } from "./foreign.ts";
import { type ServerFacts, isFailure } from "./link.ts";
import type { Notice } from "./notices.ts";
import { asObject } from "./wire.ts";

const MAX_PAGES = 100;
const MAX_ITEMS = 10_000;
export const MAX_LIST_BYTES = 20 * 1024 * 1024;

/** Asks the upstream on behalf of one caller. */
export interface Asker {
  /** Whose lists it gets, as `Transport.scope`. */
  readonly scope: () => string | undefined;
  readonly facts: () => Promise<ServerFacts | Failure>;
  readonly ask: (
    method: string,
    params: JsonObject | undefined,
    maxBytes: number,
  ) => Promise<ResultMessage | ErrorMessage | Failure>;
}

export interface PagesSettings {
  readonly clock: Clock;
  readonly notice: Notice;
  /** For all pages of one list together. */
  readonly deadlineMs: number;
}

export interface Pages {
  readonly items: readonly JsonObject[];
  readonly ttlMs: number | undefined;
  /** Characters of the results; as long as one item is kept, its page's text is. */
  readonly length: number;
}

const methods: { readonly [kind in ListKind]: string } = {
  tools: "tools/list",
  prompts: "prompts/list",
  resources: "resources/list",
  resourceTemplates: "resources/templates/list",
};

const noItems: Pages = { items: [], ttlMs: undefined, length: 0 };

export async function fetchPages(
  { clock, notice, deadlineMs }: PagesSettings,
  kind: ListKind,
  asker: Asker,
): Promise<Pages | Failure> {
  const facts = await asker.facts();
  if (isFailure(facts)) return facts;
  const capability = kind === "resourceTemplates" ? "resources" : kind;
  if (facts.capabilities !== undefined && member(facts.capabilities, capability) === undefined) {
    return noItems;
  }
  const began = clock.elapsed();
  const found: JsonObject[] = [];
  let cursor: string | undefined;
  let length = 0;
  let ttlMs: number | undefined;
  for (let page = 1; page <= MAX_PAGES; page++) {
    const params = cursor === undefined ? undefined : asObject(`{"cursor":${cursor}}`);
    const answer = await asker.ask(methods[kind], params, MAX_LIST_BYTES - length);
    if (answer.kind === "failure") return answer;
    if (answer.kind === "error") return toListFailure(kind, answer);
    length += textOf(answer.result).length;
    found.push(...items(member(answer.result, kind)).filter(isObject));
    const ttl = exactNumber(member(answer.result, "ttlMs"));
    if (ttl !== undefined && ttl >= 0) ttlMs = Math.min(ttl, ttlMs ?? ttl);
    const next = member(answer.result, "nextCursor");
    if (stringOf(next) === undefined || next === undefined) return { items: found, ttlMs, length };
    if (found.length > MAX_ITEMS || length >= MAX_LIST_BYTES || textOf(next) === cursor) break;
    if (clock.elapsed() - began > deadlineMs) {
      return failure("UPSTREAM_TIMEOUT", `The list of ${kind} did not end in ${deadlineMs} ms`);
    }
    cursor = textOf(next);
  }
  notice("An upstream's list is longer than the gateway reads; cut", { kind });
  return { items: found.slice(0, MAX_ITEMS), ttlMs, length };
}

/** A server that does not know the method has nothing to list. */
function toListFailure(kind: ListKind, { code, message }: ErrorMessage): Pages | Failure {
  if (code === -32601) return noItems;
  return failure("UPSTREAM_INVALID", `Listing ${kind} failed: ${code} ${quote(message)}`);
}
