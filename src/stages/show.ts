/** Puts an upstream's own URIs into the form that clients of the shared endpoint know. */
import {
  type Edit,
  type Json,
  type JsonObject,
  at,
  items,
  member,
  replace,
  spliced,
  stringOf,
} from "../mcp/index.ts";

/**
 * Rewrites each field that the schema says is a URI of a resource, never text: contents of
 * `resources/read`, resource links and embedded resources of tools and prompts.
 */
export function showUris(result: JsonObject, show: (uri: string) => string): JsonObject {
  const blocks = [
    ...items(member(result, "content")),
    ...items(member(result, "messages")).flatMap((message) => member(message, "content") ?? []),
  ];
  const uris = [
    ...items(member(result, "contents")).map((each) => member(each, "uri")),
    ...blocks.map((block) => uriOf(block)),
  ];
  const edits = uris.flatMap((uri): Edit[] => {
    const own = stringOf(uri);
    if (uri === undefined || own === undefined) return [];
    const shown = show(own);
    return shown === own ? [] : [replace(uri, JSON.stringify(shown))];
  });
  return spliced(result, edits) as JsonObject;
}

function uriOf(block: Json): Json | undefined {
  const type = stringOf(member(block, "type"));
  if (type === "resource_link") return member(block, "uri");
  return type === "resource" ? at(block, "resource", "uri") : undefined;
}
