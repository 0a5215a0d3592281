/** Whether a call's arguments fit the tool's own schema, and read alike for everyone. */
import type { ToolFacts } from "../core/index.ts";
import {
  type Json,
  type JsonNode,
  type JsonObject,
  type JsonObjectNode,
  foldCase,
  isObject,
  items,
  member,
  toValue,
} from "../mcp/index.ts";

/** What is wrong with the arguments, for the model to mend; undefined where nothing is. */
export function argumentsFault(tool: ToolFacts, args: JsonObject | undefined): string | undefined {
  const disguised = args && findDisguised(member(tool.definition, "inputSchema"), args);
  if (disguised !== undefined) {
    return `The argument "${disguised.slice(0, 64)}" differs from a known one only in case`;
  }
  const validator = tool.validator();
  if ("fault" in validator) return `The tool's inputSchema cannot be used: ${validator.fault}`;
  const faults = validator.validate(args === undefined ? {} : toValue(args));
  if (faults.length === 0) return undefined;
  return faults
    .map(({ where, message }) => `${where === "" ? "arguments" : where} ${message}`)
    .join("; ");
}

/**
 * A key that equals one of the schema's only when case is ignored. A server that folds case
 * (CVE-2026-27896) would read `Path` as its `path`, and act on what no rule has seen. Followed
 * along `properties` and `items`, as deep as the schema names keys.
 */
function findDisguised(schema: Json | undefined, value: Json): string | undefined {
  if (value.node.type === "array") {
    const each = member(schema, "items");
    if (each === undefined) return undefined;
    for (const item of items(value)) {
      const found = findDisguised(each, item);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const properties = member(schema, "properties");
  if (!isObject(properties) || !isObject(value)) return undefined;
  const known = toKnownKeys(properties.node);
  for (const { key, value: node } of value.node.members) {
    const property = known.properties.get(key);
    if (property === undefined) {
      if (known.folded.has(foldCase(key))) return key;
    } else if (node.type === "object" || node.type === "array") {
      const below = { source: properties.source, node: property };
      const found = findDisguised(below, { source: value.source, node });
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

interface KnownKeys {
  readonly properties: ReadonlyMap<string, JsonNode>;
  readonly folded: ReadonlySet<string>;
}

/** A tool's schema is the same object for as long as its list is cached. */
const knownKeys = new WeakMap<JsonObjectNode, KnownKeys>();

function toKnownKeys(node: JsonObjectNode): KnownKeys {
  const cached = knownKeys.get(node);
  if (cached !== undefined) return cached;
  const properties = new Map(node.members.map(({ key, value }) => [key, value]));
  const known = { properties, folded: new Set([...properties.keys()].map(foldCase)) };
  knownKeys.set(node, known);
  return known;
}
