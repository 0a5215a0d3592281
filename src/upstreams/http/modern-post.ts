/** One request to a modern upstream as it goes out. */
import { latestModern, toRequestHeaders } from "../../mcp/index.ts";
import type { LinkCall } from "../link.ts";
import { type ClientInfo, toModernCall, toRequestText } from "../wire.ts";

export interface ModernPost {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function toModernPost(clientInfo: ClientInfo, call: LinkCall): ModernPost {
  const { id, method, params, paramHeaders } = call;
  return {
    text: toRequestText(id, method, toModernCall(call, clientInfo)),
    headers: toRequestHeaders({ method, revision: latestModern, params, paramHeaders }),
  };
}

/** A request of the gateway's own, for a caller with these capabilities (JSON text). */
export function toOwnCall(
  own: Pick<LinkCall, "id" | "method" | "params" | "maxBytes" | "capabilities">,
): LinkCall {
  const none = { progressToken: undefined, logLevel: undefined, headers: {}, paramHeaders: [] };
  return { ...own, ...none };
}
