/** A request as it is sent over a link, in what its era knows. */
import { type JsonObject, setMembers, spliced } from "../mcp/index.ts";
import type { UpstreamRequest } from "./face.ts";
import type { Link, LinkCall, LinkCaller } from "./link.ts";
import type { Tokens } from "./relay.ts";

export function toCall(
  request: UpstreamRequest,
  { capabilities }: LinkCaller,
  link: Link,
  id: number,
  tokens: Tokens | undefined,
): LinkCall {
  const { method, params, headers, paramHeaders, maxBytes, caller, timeoutMs } = request;
  // A legacy client that never said what it wants to hear hears what servers commonly log.
  const isUnsaid = caller.era === "legacy" && link.era === "modern";
  return {
    id,
    method,
    params: link.era === "legacy" ? withoutInput(params) : params,
    progressToken: tokens?.ours,
    logLevel: caller.logLevel ?? (isUnsaid ? "info" : undefined),
    capabilities,
    headers,
    paramHeaders,
    maxBytes,
    timeoutMs,
  };
}

/** A legacy server knows nothing of answers that come with a request. */
function withoutInput(params: JsonObject | undefined): JsonObject | undefined {
  const gone = { inputResponses: undefined, requestState: undefined };
  return params && (spliced(params, setMembers(params, gone)) as JsonObject);
}
