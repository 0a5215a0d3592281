/** The text of `gateway.lock.json`: made to be reviewed as a diff, and read without any doubt. */
import { escapeUnseen } from "../../core/index.ts";
import {
  type Json,
  type JsonNode,
  type JsonObject,
  canonicalText,
  exactNumber,
  isObject,
  member,
  parseJson,
  stringOf,
} from "../../mcp/index.ts";
import { type Definition, type Hasher, toDefinition } from "./definition.ts";
import {
  type LockContent,
  type LockedPlugins,
  type LockedTools,
  toPluginKey,
} from "./lock-content.ts";

const lockVersion = 1;
const topKeys = ["lockVersion", "plugins", "upstreams"];
const maxLength = 256 * 1024 * 1024;
/** A definition may be as deep as a message, and stands five levels deeper. */
const limits = { maxDepth: 1_000, maxNodes: 50_000_000 };

export type ParsedLock = LockContent | { readonly fault: string };

/** A file without `plugins` locks none. A fault says what is wrong, as the end of a sentence that begins with "it". */
export function parseLock(text: string, { sha256 }: Hasher): ParsedLock {
  if (text.length > maxLength) return { fault: `it is longer than ${maxLength} characters` };
  const parsed = parseJson(text, limits);
  if (!parsed.ok) return { fault: `it is no JSON, or was cut off (at character ${parsed.at})` };
  const version = exactNumber(member(parsed.json, "lockVersion"));
  if (version !== lockVersion) return { fault: toVersionFault(version) };
  const upstreams = member(parsed.json, "upstreams");
  const isOurs = isObject(upstreams) && hasOnly(parsed.json, topKeys);
  if (!isOurs) return { fault: "it is no lock file" };
  const plugins = parsePlugins(member(parsed.json, "plugins"));
  if (typeof plugins === "string") return { fault: `its entry ${plugins}` };
  const lock = new Map<string, LockedTools>();
  for (const { key, value } of upstreams.node.members) {
    const tools = parseTools({ source: text, node: value }, sha256);
    if (typeof tools === "string") return { fault: `its entry ${quoted(key)}${tools}` };
    lock.set(key, tools);
  }
  return { lock, plugins };
}

function toVersionFault(version: number | undefined): string {
  if (version === undefined) return "it has no lockVersion";
  const writer = version > lockVersion ? "a newer" : "an older";
  return `${writer} mcp-gw wrote it (lockVersion ${version}, and this one reads ${lockVersion})`;
}

/** A text goes on after the upstream's name. */
function parseTools(entry: Json, sha256: Hasher["sha256"]): LockedTools | string {
  const listed = member(entry, "tools");
  if (!isObject(listed) || !hasOnly(entry, ["tools"])) return " is not an object of tools";
  const tools = new Map<string, Definition>();
  for (const { key, value } of listed.node.members) {
    const tool = { source: entry.source, node: value };
    const hash = stringOf(member(tool, "hash"));
    const json = member(tool, "definition");
    if (hash === undefined || !isObject(json) || !hasOnly(tool, ["definition", "hash"])) {
      return `/${quoted(key)} is not a hash and a definition`;
    }
    const definition = toDefinition(json, { sha256 });
    const isWhole = canonicalText(json) === definition.text;
    if (!isWhole || stringOf(member(json, "name")) !== key || definition.hash !== hash) {
      return `/${quoted(key)} was changed by hand: its hash is not that of its definition`;
    }
    tools.set(key, definition);
  }
  return tools;
}

function parsePlugins(listed: Json | undefined): LockedPlugins | string {
  const plugins = new Map<string, string>();
  if (listed === undefined) return plugins;
  if (!isObject(listed)) return '"plugins" is not an object of plugins';
  for (const { key, value } of listed.node.members) {
    const entry = { source: listed.source, node: value };
    const hash = stringOf(member(entry, "sha256")) ?? "";
    if (!/^[0-9a-f]{64}$/.test(hash) || !hasOnly(entry, ["sha256"])) {
      return `"plugins"/${quoted(key)} is not a hash`;
    }
    // Under another spelling of its path nothing would ever look for it.
    if (toPluginKey(key) !== key)
      return `"plugins"/${quoted(key)} is no path such as "./plugins/x.ts"`;
    plugins.set(key, hash);
  }
  return plugins;
}

function hasOnly(json: Json, keys: readonly string[]): boolean {
  return json.node.type === "object" && json.node.members.every(({ key }) => keys.includes(key));
}

function quoted(name: string): string {
  return escapeUnseen(JSON.stringify(name.slice(0, 80)));
}

/** The definition as JSON; `text` is canonical JSON of our own. */
export function definitionOf({ text }: Definition): JsonObject {
  const parsed = parseJson(text, limits);
  if (!parsed.ok || !isObject(parsed.json)) throw new Error("A locked definition is no object");
  return parsed.json;
}

/** Sorted, one value on each line, and whatever a reviewer would not see as an escape. */
export function toLockText({ lock, plugins }: LockContent): string {
  const files = sorted(plugins).map(([file, hash]) =>
    toMember(file, toObject([`"sha256": "${hash}"`])),
  );
  const upstreams = sorted(lock).map(([upstream, tools]) => {
    const entries = sorted(tools).map(([name, { hash, text }]) =>
      toMember(name, toObject([`"hash": "${hash}"`, `"definition": ${pretty(text)}`])),
    );
    return toMember(upstream, toObject([`"tools": ${toObject(entries)}`]));
  });
  const parts = [
    `"lockVersion": ${lockVersion}`,
    ...(files.length === 0 ? [] : [`"plugins": ${toObject(files)}`]),
    `"upstreams": ${toObject(upstreams)}`,
  ];
  return `${toObject(parts)}\n`;
}

function sorted<T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function toMember(key: string, text: string): string {
  return `${escapeUnseen(JSON.stringify(key))}: ${text}`;
}

function toObject(members: readonly string[]): string {
  return wrap("{", members, "}");
}

/** No string holds a line break as it is, so each one in a text begins a line of ours. */
function wrap(open: string, parts: readonly string[], close: string): string {
  if (parts.length === 0) return open + close;
  const lines = parts.join(",\n").replaceAll("\n", "\n  ");
  return `${open}\n  ${lines}\n${close}`;
}

function pretty(text: string): string {
  const { source, node } = definitionOf({ text, hash: "" });
  return write(source, node);
}

function write(source: string, node: JsonNode): string {
  switch (node.type) {
    case "object":
      return toObject(node.members.map(({ key, value }) => toMember(key, write(source, value))));
    case "array":
      return wrap(
        "[",
        node.items.map((item) => write(source, item)),
        "]",
      );
    case "string":
      return escapeUnseen(JSON.stringify(node.value));
    default:
      return source.slice(node.start, node.end);
  }
}
