/** What a client takes as an answer. */
import type { HeaderView } from "../mcp/index.ts";

/** Streams only to those who ask for them; `*` asks for anything. */
export function takesStream(headers: HeaderView): boolean {
  const accept = headers.get("accept");
  return accept !== null && /text\/event-stream|\*\/\*|text\/\*/i.test(accept);
}
