/** Which items of an upstream's list are usable; one bad item never takes the others with it. */
import {
  type JsonNode,
  type JsonObject,
  type ListKind,
  type ParamHeader,
  isObject,
  items,
  member,
  removeItems,
  spliced,
  stringOf,
  toParamHeaders,
} from "../mcp/index.ts";
import { quote } from "./foreign.ts";
import type { Notice } from "./notices.ts";
import { hasRemoteRef } from "./remote-refs.ts";

export interface ListedItem {
  /** Its name, URI or URI template, as the upstream has it. */
  readonly key: string;
  readonly json: JsonObject;
}
export interface UsableItem extends ListedItem {
  /** Tools: the parameters that are mirrored into headers. */
  readonly headers: readonly ParamHeader[];
}

/** The usable items of one list, and how many JSON values they hold. */
export interface UsableItems {
  readonly items: readonly UsableItem[];
  readonly nodes: number;
}

const MAX_KEY = 1_024;
/** Of one item: characters of its text, and JSON values with keys counted too. */
const MAX_ITEM_LENGTH = 65_536;
const MAX_ITEM_NODES = 10_000;
/** Of all items of one list together, so that many upstreams' lists still fit in one answer. */
const MAX_LENGTH = 4 * 1024 * 1024;
const MAX_NODES = 200_000;

const keyNames: { readonly [kind in ListKind]: string } = {
  tools: "name",
  prompts: "name",
  resources: "uri",
  resourceTemplates: "uriTemplate",
};

/**
 * The usable ones of `raw`. Dropped are: what has no key; a key that is too long or is not plain
 * ASCII, since it could look like another's; every bearer of a key that stands twice; a tool whose
 * schema is no object, hides characters in a name, refers to another document or declares headers that
 * must not be sent; what is too large; a URI that runs as a script where it is opened. Unsafe icons are taken off. Where all
 * together are too large, the list ends before the first that does not fit.
 */
export function toUsableItems(
  kind: ListKind,
  raw: readonly JsonObject[],
  notice: Notice,
): UsableItems {
  const counts = new Map<string, number>();
  for (const item of raw) {
    const key = stringOf(member(item, keyNames[kind]));
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const usable: UsableItem[] = [];
  let length = 0;
  let nodes = 0;
  for (const item of raw) {
    const read = toSized(kind, item, counts);
    if ("fault" in read) {
      const name = quote(stringOf(member(item, keyNames[kind])) ?? "", 80);
      const fields = { kind, name, why: read.fault };
      notice("An item of an upstream's list is dropped", fields, `${kind}/${name}`);
      continue;
    }
    if (length + read.length > MAX_LENGTH || nodes + read.nodes > MAX_NODES) {
      notice("An upstream's list is larger than the gateway keeps; cut", { kind });
      break;
    }
    length += read.length;
    nodes += read.nodes;
    usable.push(read.usable);
  }
  return { items: usable, nodes };
}

interface Fault {
  readonly fault: string;
}

interface Sized {
  readonly usable: UsableItem;
  readonly length: number;
  readonly nodes: number;
}

function toSized(
  kind: ListKind,
  item: JsonObject,
  counts: ReadonlyMap<string, number>,
): Sized | Fault {
  const length = item.node.end - item.node.start;
  if (length > MAX_ITEM_LENGTH) return { fault: `It is longer than ${MAX_ITEM_LENGTH} characters` };
  const nodes = countNodes(item.node, MAX_ITEM_NODES);
  if (nodes > MAX_ITEM_NODES) return { fault: `It has more than ${MAX_ITEM_NODES} values` };
  const usable = toUsable(kind, item, counts);
  return "fault" in usable ? usable : { usable, length, nodes };
}

/** Values and keys in a value; counting ends soon after `max`. */
function countNodes(node: JsonNode, max: number): number {
  let count = 1;
  const children =
    node.type === "array"
      ? node.items
      : node.type === "object"
        ? node.members.map(({ value }) => value)
        : [];
  if (node.type === "object") count += children.length;
  for (const child of children) {
    if (count > max) break;
    count += countNodes(child, max - count);
  }
  return count;
}

function keyFault(key: string, counts: ReadonlyMap<string, number>): string | undefined {
  if (key === "") return "It has no name";
  if (key.length > MAX_KEY) return `Its name is longer than ${MAX_KEY} characters`;
  if (!/^[\x20-\x7e]+$/.test(key)) return "Its name holds other than printable ASCII characters";
  if (/^\s*(?:javascript:|vbscript:|data:text\/html)/i.test(key)) return "Its URI is a script";
  return counts.get(key) === 1 ? undefined : "Its name stands twice in the list";
}

function toUsable(
  kind: ListKind,
  item: JsonObject,
  counts: ReadonlyMap<string, number>,
): UsableItem | Fault {
  const key = stringOf(member(item, keyNames[kind])) ?? "";
  const fault = keyFault(key, counts);
  if (fault !== undefined) return { fault };
  const json = withoutUnsafeIcons(item);
  if (kind !== "tools") return { key, json, headers: [] };
  const schema = member(json, "inputSchema");
  if (!isObject(schema)) return { fault: "Its inputSchema is no object" };
  if ([schema, member(json, "outputSchema")].some((each) => each && hasHiddenKey(each.node))) {
    return { fault: "A name in its schema hides characters" };
  }
  if (hasRemoteRef(json)) return { fault: "Its schema refers to another document" };
  const declared = toParamHeaders(schema);
  return "fault" in declared ? declared : { key, json, headers: declared.headers };
}

const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * A model reads the names of arguments, a person does not see what is hidden in them; and without
 * it the server would not know the name again.
 */
function hasHiddenKey(node: JsonNode): boolean {
  if (node.type === "array") return node.items.some(hasHiddenKey);
  if (node.type !== "object") return false;
  return node.members.some(({ key, value }) => hidden.test(key) || hasHiddenKey(value));
}

/** An icon is fetched by whoever shows it: only the web and inline images may be named. */
function withoutUnsafeIcons(item: JsonObject): JsonObject {
  const icons = member(item, "icons");
  if (icons === undefined) return item;
  const unsafe = items(icons).map(
    (icon) => !/^(?:https?:\/\/|data:image\/)/i.test(stringOf(member(icon, "src")) ?? ""),
  );
  if (!unsafe.includes(true)) return item;
  return spliced(
    item,
    removeItems(icons, (index) => unsafe[index] === true),
  ) as JsonObject;
}
