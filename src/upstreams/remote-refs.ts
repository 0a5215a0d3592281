/** References of a tool's schemas that lead out of them. */
import { type JsonNode, type JsonObject, isObject, member } from "../mcp/index.ts";

/**
 * Whether a schema refers to another document (2026-07-28, tools: it must not be fetched, and a
 * client's own reader may fetch it all the same, wherever it stands). A resource that the schema
 * brings with it under an `$id` is no other document.
 */
export function hasRemoteRef(tool: JsonObject): boolean {
  return [member(tool, "inputSchema"), member(tool, "outputSchema")].some((schema) => {
    if (!isObject(schema)) return false;
    const found: Found = { ids: new Set(), refs: [] };
    collect(schema.node, noBase, found);
    return found.refs.some((ref) => !found.ids.has(ref));
  });
}

interface Found {
  readonly ids: Set<string>;
  readonly refs: string[];
}

const noBase = "https://schema.invalid/";

function collect(node: JsonNode, outer: string, found: Found): void {
  if (node.type === "array") for (const item of node.items) collect(item, outer, found);
  if (node.type !== "object") return;
  const id = node.members.find(({ key }) => key === "$id")?.value;
  const base = id?.type === "string" ? documentOf(id.value, outer) : outer;
  found.ids.add(base);
  for (const { key, value } of node.members) {
    const isRef = (key === "$ref" || key === "$dynamicRef") && value.type === "string";
    // A fragment by itself is of the document that it stands in.
    if (isRef && !value.value.startsWith("#")) found.refs.push(documentOf(value.value, base));
    collect(value, base, found);
  }
}

/** Without its fragment; what is no URI leads to nothing that the schema brings with it. */
function documentOf(reference: string, base: string): string {
  if (!URL.canParse(reference, base)) return "";
  const url = new URL(reference, base);
  url.hash = "";
  return url.href;
}
