/** Whether whoever parses it reads what stands there (law 1). */
import { type Json, type JsonNode, exactNumber } from "../mcp/index.ts";

/** False where JavaScript cannot hold the exact value of one of its numbers. */
export function hasExactNumbers({ source, node }: Json): boolean {
  return isExact(source, node);
}

function isExact(source: string, node: JsonNode): boolean {
  switch (node.type) {
    case "number":
      return exactNumber({ source, node }) !== undefined;
    case "array":
      return node.items.every((item) => isExact(source, item));
    case "object":
      return node.members.every(({ value }) => isExact(source, value));
    default:
      return true;
  }
}
