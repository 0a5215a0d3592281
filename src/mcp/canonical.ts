/** One text for all spellings of a JSON value: what is hashed to tell whether two are the same. */
import type { Json, JsonNode } from "./json.ts";

/**
 * Keys in order of their UTF-16 units, no space, strings as JSON.stringify writes them. Numbers keep
 * their spelling, since not every reader gives `1` and `1.0` the same meaning.
 */
export function canonicalText({ source, node }: Json): string {
  return write(source, node);
}

function write(source: string, node: JsonNode): string {
  switch (node.type) {
    case "object": {
      const members = [...node.members].sort((a, b) => (a.key < b.key ? -1 : 1));
      const texts = members.map(
        ({ key, value }) => `${JSON.stringify(key)}:${write(source, value)}`,
      );
      return `{${texts.join(",")}}`;
    }
    case "array":
      return `[${node.items.map((item) => write(source, item)).join(",")}]`;
    case "string":
      return JSON.stringify(node.value);
    default:
      return source.slice(node.start, node.end);
  }
}
