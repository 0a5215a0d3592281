/** A modern upstream over HTTP: every request stands alone, so one link serves every client. */
import { type Cancellation, failure } from "../core/index.ts";
import { latestModern, toRequestHeaders } from "../mcp/index.ts";
import { type HttpContext, exchange } from "./http-exchange.ts";
import { toEnd } from "./http-post.ts";
import { type Link, type LinkAnswer, type LinkCall, type ServerFacts, isAlone } from "./link.ts";
import { toModernCall, toRequestText } from "./wire.ts";

/** The scope of everybody: lists of modern requests over HTTP do not depend on who asks. */
export const SHARED = "";

export function createModernLink(context: HttpContext, facts: ServerFacts): Link {
  return {
    era: "modern",
    revision: latestModern,
    facts,
    exchange: (call, signal) => exchangeModern(context, call, signal),
  };
}

/** Giving it up closes the answer's stream, which is how this era cancels. */
async function exchangeModern(
  context: HttpContext,
  call: LinkCall,
  signal: Cancellation,
): Promise<LinkAnswer> {
  const { text, headers } = toModernPost(context, call);
  const posted = {
    id: call.id,
    text,
    headers: { ...call.headers, ...headers },
    maxBytes: call.maxBytes,
    scope: SHARED,
    onRequest: refuseRequest,
  };
  const answer = await exchange(context, posted, signal);
  return isAlone(answer) && answer.kind === "refused" ? toEnd(answer) : answer;
}

function refuseRequest() {
  return failure("INPUT_DENIED", "A modern upstream sent a request of its own");
}

export function toModernPost(
  { clientInfo }: HttpContext,
  call: LinkCall,
): { readonly text: string; readonly headers: Record<string, string> } {
  const { id, method, params, paramHeaders } = call;
  return {
    text: toRequestText(id, method, toModernCall(call, clientInfo)),
    headers: toRequestHeaders({ method, revision: latestModern, params, paramHeaders }),
  };
}
