/** The messages in a response of the gateway, whichever form it chose. */
import { type ServerEvent, readEvents, readText } from "../mcp/index.ts";

export type Answer =
  /** Nothing to say: accepted. */
  | { readonly kind: "none" }
  | { readonly kind: "message"; readonly text: string }
  | { readonly kind: "problem"; readonly text: string }
  | { readonly kind: "stream"; readonly events: AsyncIterable<ServerEvent> };

export async function readAnswer(response: Response, maxBytes: number): Promise<Answer> {
  const { body } = response;
  if (body === null) return { kind: "none" };
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("text/event-stream")) {
    const limits = { maxEventBytes: maxBytes, maxBytes: Number.POSITIVE_INFINITY };
    return { kind: "stream", events: readEvents(body, limits) };
  }
  const text = await readText(body, maxBytes);
  if (text === "") return { kind: "none" };
  return type.startsWith("application/json")
    ? { kind: "message", text }
    : { kind: "problem", text };
}
