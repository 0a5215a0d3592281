/** What in a tool's definition asks for a second look before anybody trusts it. */
import type { JsonNode } from "../../mcp/index.ts";
import { quote } from "../foreign.ts";
import type { Definition } from "./definition.ts";
import type { Lock } from "./lock-content.ts";
import { definitionOf } from "./lock-text.ts";
import { findPhrase, toPlain } from "./phrases.ts";

export interface Flag {
  readonly kind: "hidden" | "escape" | "instruction" | "reference" | "unsearched";
  /** A JSON Pointer into the definition; of a name, to what stands under it. */
  readonly pointer: string;
  /** What was found, safe to print. */
  readonly quote: string;
}

/** Finds what is wrong with one definition after the other, and gives up when it has read enough. */
export type FindFlags = (definition: Definition) => readonly Flag[];

/** True where a text holds characters or sequences that a person does not see. */
export type Hides = (text: string) => boolean;

export const flagTexts: { readonly [kind in Flag["kind"]]: string } = {
  hidden: "holds characters that nobody sees",
  escape: "holds a terminal escape",
  instruction: "speaks to the model",
  reference: "names a tool of another server",
  unsearched: "is too long to be searched",
};

/** What begins a terminal sequence (ECMA-48): ESC, and CSI in one character. */
const escapes = ["\u001b", "\u009b"];
/** Of one tool. */
const maxFlags = 20;
/** Of the tools of one list together: about a quarter of a second at worst. */
const maxSearched = 256 * 1024;
const maxQuote = 80;

/** `upstream` is the one that the definitions come from; `lock` says what the others have. */
export function createFlagger(upstream: string, lock: Lock, hides: Hides): FindFlags {
  const foreign = toForeignNames(upstream, lock);
  let left = maxSearched;

  function search(text: string, pointer: string, isName: boolean): Flag | undefined {
    left -= text.length;
    if (left < 0) return { kind: "unsearched", pointer, quote: "" };
    const quoted = quote(text, maxQuote);
    if (hides(text)) {
      return {
        kind: escapes.some((each) => text.includes(each)) ? "escape" : "hidden",
        pointer,
        quote: quoted,
      };
    }
    // A name speaks by its words: `content_from_reading_ssh_id_rsa`.
    const plain = toPlain(isName ? text.replaceAll(/[_-]/g, " ") : text);
    const phrase = findPhrase(plain);
    if (phrase !== undefined) {
      return { kind: "instruction", pointer, quote: quote(phrase, maxQuote) };
    }
    const named = (text.match(/[\w./-]{3,300}/g) ?? []).find((word) =>
      foreign.has(word.replace(/[./-]{1,3}$/, "")),
    );
    if (named === undefined) return undefined;
    return { kind: "reference", pointer, quote: quote(named, maxQuote) };
  }

  return (definition) => {
    const flags: Flag[] = [];
    const note = (text: string, pointer: string, isName: boolean): void => {
      if (flags.length >= maxFlags) return;
      const found = search(text, pointer, isName);
      if (found !== undefined) flags.push(found);
    };
    const walk = (node: JsonNode, pointer: string): void => {
      if (flags.length >= maxFlags || left < 0) return;
      if (node.type === "string") note(node.value, pointer, false);
      if (node.type === "array") node.items.forEach((item, at) => walk(item, `${pointer}/${at}`));
      if (node.type !== "object") return;
      for (const { key, value } of node.members) {
        const place = `${pointer}/${toPart(key)}`;
        note(key, place, true);
        walk(value, place);
      }
    };
    if (left < 0) return [{ kind: "unsearched", pointer: "", quote: "" }];
    const { node } = definitionOf(definition);
    for (const { key, value } of node.members) walk(value, `/${key}`);
    return flags;
  };
}

/** One part of a JSON Pointer (RFC 6901), safe to print. */
function toPart(key: string): string {
  return quote(key.replaceAll("~", "~0").replaceAll("/", "~1"), 100);
}

/**
 * The tools of the other upstreams, as a description could name them. A name that is a word of
 * everyday English too (`search`, `add`) counts only with its upstream before it.
 */
function toForeignNames(upstream: string, lock: Lock): ReadonlySet<string> {
  const names = new Set<string>();
  const own = lock.get(upstream);
  for (const [other, tools] of lock) {
    if (other === upstream) continue;
    for (const tool of tools.keys()) {
      for (const mark of ["/", "__"]) names.add(`${other}${mark}${tool}`);
      const isTelling = tool.length >= 6 && /[_-]|[a-z][A-Z]/.test(tool);
      if (isTelling && own?.has(tool) !== true) names.add(tool);
    }
  }
  return names;
}
