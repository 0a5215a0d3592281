/** JSON as plain frozen data, for functions of the config. */
import type { JsonValue } from "../config/index.ts";
import { type Json, type JsonNode, exactNumber } from "../mcp/index.ts";

/** A value that JavaScript cannot hold; the function is then not asked (law 1). */
export class InexactNumber extends RangeError {}

/**
 * Objects have no prototype: an absent member is absent, whatever it is called. Throws
 * `InexactNumber`.
 */
export function toPlain({ source, node }: Json): JsonValue {
  return plain(source, node);
}

function plain(source: string, node: JsonNode): JsonValue {
  switch (node.type) {
    case "object": {
      const copy = Object.create(null) as Record<string, JsonValue>;
      for (const { key, value } of node.members) copy[key] = plain(source, value);
      return Object.freeze(copy);
    }
    case "array":
      return Object.freeze(node.items.map((item) => plain(source, item)));
    case "string":
      return node.value;
    case "number": {
      const value = exactNumber({ source, node });
      if (value === undefined) throw new InexactNumber("The number cannot be held exactly");
      return value;
    }
    case "null":
      return null;
    default:
      return node.type === "true";
  }
}
