/** A modern upstream over HTTP: every request stands alone, so one link serves every client. */
import { type Cancellation, failure } from "../../core/index.ts";
import { latestModern } from "../../mcp/index.ts";
import { type HttpContext, exchange } from "./exchange.ts";
import { listenModern } from "./listen-modern.ts";
import { toModernPost } from "./modern-post.ts";
import { toEnd } from "./refusal.ts";
import { type Link, type LinkAnswer, type LinkCall, type ServerFacts, isAlone } from "../link.ts";

/** `capabilities` are all that a modern server is told of its client: they are the scope of its lists. */
export function createModernLink(
  context: HttpContext,
  facts: ServerFacts,
  capabilities: string,
): Link {
  return {
    era: "modern",
    revision: latestModern,
    facts,
    exchange: (call, signal) => exchangeModern(context, call, signal),
    listen: (wish, signal) => listenModern(context, capabilities, wish, signal),
  };
}

/** Giving it up closes the answer's stream, which is how this era cancels. */
async function exchangeModern(
  context: HttpContext,
  call: LinkCall,
  signal: Cancellation,
): Promise<LinkAnswer> {
  const { text, headers } = toModernPost(context.clientInfo, call);
  const posted = {
    id: call.id,
    text,
    headers: { ...call.headers, ...headers },
    maxBytes: call.maxBytes,
    scope: call.capabilities,
    onRequest: refuseRequest,
  };
  const answer = await exchange(context, posted, signal, call.timeoutMs);
  return isAlone(answer) && answer.kind === "refused" ? toEnd(answer) : answer;
}

function refuseRequest() {
  return failure("INPUT_DENIED", "A modern upstream sent a request of its own");
}
