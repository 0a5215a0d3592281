/** What plugins say of an upstream's list, before anything of it is cleaned and shown. */
import { type Failure, type ListTarget, type Metered, failure } from "../core/index.ts";
import {
  type Json,
  type JsonObject,
  type ListKind,
  isObject,
  items,
  member,
  parseJson,
  setMembers,
  spliced,
  stringOf,
  textOf,
} from "../mcp/index.ts";
import type { LoadedPlugin } from "../sandbox/index.ts";
import { resultPlace } from "../sanitize/index.ts";
import type { ListedItem, Listing } from "../upstreams/index.ts";
import { hasExactNumbers } from "./exact-numbers.ts";
import { type Fault, type Link, type Scene, inexact } from "./plugin-chain.ts";
import { closeCtx, methodOf, openCtx } from "./plugin-ctx.ts";
import { type PluginDesk, fitting } from "./plugin-desk.ts";
import { toPluginFailure } from "./plugin-refusal.ts";
import { createTextScene } from "./plugin-text.ts";

/** The same listing where nothing is said of it; `isVisible` says which items anybody sees at all. */
export type ReviewListing = (
  upstream: string,
  listing: Listing,
  isVisible: (key: string) => boolean,
) => Listing | Failure | Promise<Listing | Failure>;

/** As large as an upstream's list may be. */
const maxNodes = 20_000_000;

export function createListReview(
  desk: PluginDesk,
  clean: (exchange: Metered, why: string) => string,
): (exchange: Metered, target: ListTarget) => ReviewListing | undefined {
  const all = desk.having(["onToolList", "onText"]);

  return (exchange, { list }) => {
    if (all.length === 0) return undefined;
    const method = methodOf(exchange.input);
    return (upstream, listing, isVisible) => {
      const links = toLinks(fitting(all, { method, upstream, name: undefined }), list);
      const seen = links.length === 0 ? [] : listing.items.filter(({ key }) => isVisible(key));
      return seen.length === 0 ? listing : ask(exchange, upstream, list, listing, seen, links);
    };
  };

  async function ask(
    exchange: Metered,
    upstream: string,
    list: ListKind,
    listing: Listing,
    seen: readonly ListedItem[],
    links: readonly Link[],
  ): Promise<Listing | Failure> {
    const state = toState(list, seen);
    if (state === undefined) return failure("UPSTREAM_INVALID", "The list cannot be read again");
    const scene = toScene(exchange, upstream, list);
    const answered = await desk.ask(links, scene, state, exchange);
    if ("refusal" in answered) {
      return toPluginFailure(answered.refusal, (why) => clean(exchange, why));
    }
    if (answered.state === state) return listing;
    const changed = new Map(
      items(member(answered.state, list)).map((json, index) => [seen[index], json] as const),
    );
    const toItem = (item: ListedItem): ListedItem => {
      const json = changed.get(item);
      return isObject(json) ? { ...item, json } : item;
    };
    return { ...listing, items: listing.items.map(toItem) };
  }
}

function toLinks(plugins: readonly LoadedPlugin[], list: ListKind): readonly Link[] {
  return plugins.flatMap((plugin) => {
    const links: Link[] = [];
    if (list === "tools" && plugin.hooks.has("onToolList")) {
      links.push({ plugin, hook: "onToolList" });
    }
    if (plugin.hooks.has("onText")) links.push({ plugin, hook: "onText" });
    return links;
  });
}

/** The items as the result of a list of their own. */
function toState(list: ListKind, seen: readonly ListedItem[]): JsonObject | undefined {
  const text = `{"${list}":[${seen.map(({ json }) => textOf(json)).join(",")}]}`;
  const parsed = parseJson(text, { maxNodes });
  return parsed.ok && isObject(parsed.json) ? parsed.json : undefined;
}

function toScene(exchange: Metered, upstream: string, list: ListKind): Scene<JsonObject> {
  const open = openCtx(exchange, { upstream });
  const place = resultPlace(methodOf(exchange.input));
  const text = createTextScene(open, "tool_description", (state) => [[state, place]]);
  return {
    stage: text.stage,
    look: (link, state) => {
      if (link.hook === "onText") return text.look(link, state);
      const tools = member(state, list);
      if (tools === undefined) return undefined;
      return hasExactNumbers(tools) ? { payload: textOf(tools) } : inexact;
    },
    ctx: (hook) => (hook === "onText" ? text.ctx(hook) : closeCtx(open)),
    change: (link, state, change) =>
      link.hook === "onToolList" && change.action === "modify"
        ? describe(state, change.json)
        : text.change(link, state, change),
  };
}

/** Other descriptions, and nothing else: what a plugin leaves out is shown all the same. */
function describe(state: JsonObject, json: string): JsonObject | Fault {
  const parsed = parseJson(json, { maxNodes });
  if (!parsed.ok) return { fault: `Its tools cannot be read: ${parsed.fault}` };
  if (parsed.json.node.type !== "array") return { fault: "Its tools are no array" };
  const given = new Map<string, string | undefined>();
  for (const tool of items(parsed.json)) {
    const name = stringOf(member(tool, "name"));
    const description = member(tool, "description");
    if (name === undefined || (description && stringOf(description) === undefined)) {
      return { fault: "One of its tools has no name, or a description that is no text" };
    }
    given.set(name, description && textOf(description));
  }
  const tools = member(state, "tools");
  const known = new Set(items(tools).map(nameOf));
  const unknown = [...given.keys()].find((name) => !known.has(name));
  if (unknown !== undefined) return { fault: `There is no tool "${unknown.slice(0, 64)}"` };
  const edits = items(tools).flatMap((tool) => {
    const description = given.get(nameOf(tool));
    return description === undefined || !isObject(tool) ? [] : setMembers(tool, { description });
  });
  return edits.length === 0 ? state : (spliced(state, edits) as JsonObject);
}

function nameOf(tool: Json): string {
  return stringOf(member(tool, "name")) ?? "";
}
