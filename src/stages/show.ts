/** Puts an upstream's own URIs into the form that clients of the shared endpoint know. */
import type { AnswerMessage, Answered, OneTarget } from "../core/index.ts";
import {
  type Edit,
  type Json,
  type JsonObject,
  at,
  isObject,
  items,
  member,
  replace,
  spliced,
  stringOf,
} from "../mcp/index.ts";
import type { Names } from "../upstreams/index.ts";
import { asksForInput } from "./ask.ts";
import { isOfTask } from "./task.ts";

/** A message as clients of the endpoint know it. */
export type Show = (message: AnswerMessage) => AnswerMessage;

/** Undefined at an upstream's own endpoint, where everything is called as the upstream calls it. */
export function createShow(
  names: Pick<Names, "showUri">,
  { endpoint, input }: Pick<Answered, "endpoint" | "input">,
  { upstream }: Pick<OneTarget, "upstream">,
): Show | undefined {
  if (endpoint.upstream !== undefined) return undefined;
  const showUri = (uri: string): string => names.showUri(upstream, uri);
  const change = isOfTask(input) ? showTaskUris : showUris;
  return (message) =>
    message.kind !== "result" || asksForInput(message.result)
      ? message
      : { ...message, result: change(message.result, showUri) };
}

/**
 * Rewrites each field that the schema says is a URI of a resource, never text: contents of
 * `resources/read`, resource links and embedded resources of tools and prompts.
 */
export function showUris(result: JsonObject, show: (uri: string) => string): JsonObject {
  return spliced(result, toEdits(result, show)) as JsonObject;
}

/** The same for what came of a call that became a task, which stands inside of the task. */
export function showTaskUris(task: JsonObject, show: (uri: string) => string): JsonObject {
  const result = member(task, "result");
  return isObject(result) ? (spliced(task, toEdits(result, show)) as JsonObject) : task;
}

function toEdits(result: JsonObject, show: (uri: string) => string): readonly Edit[] {
  const blocks = [
    ...items(member(result, "content")),
    ...items(member(result, "messages")).flatMap((message) => member(message, "content") ?? []),
  ];
  const uris = [
    ...items(member(result, "contents")).map((each) => member(each, "uri")),
    ...blocks.map((block) => uriOf(block)),
  ];
  return uris.flatMap((uri): Edit[] => {
    const own = stringOf(uri);
    if (uri === undefined || own === undefined) return [];
    const shown = show(own);
    return shown === own ? [] : [replace(uri, JSON.stringify(shown))];
  });
}

function uriOf(block: Json): Json | undefined {
  const type = stringOf(member(block, "type"));
  if (type === "resource_link") return member(block, "uri");
  return type === "resource" ? at(block, "resource", "uri") : undefined;
}
