/** Streamable HTTP upstreams in both eras; which one it is, is found out by a first modern request. */
import { type Failure, failure } from "../core/index.ts";
import { createClosing } from "./closing.ts";
import { createEraMemory, singleFlight } from "./era.ts";
import { eraOfAnswer, isModernError } from "./facts.ts";
import type { HttpContext } from "./http-exchange.ts";
import { askOnce, openLegacySessions } from "./http-legacy.ts";
import { SHARED, createModernLink, toModernPost } from "./http-modern.ts";
import { type Link, type LinkCall, type Transport, isFailure, toCallerKey } from "./link.ts";
import type { KnownEra } from "./era.ts";
import { orAborted } from "./watch.ts";

const PROBE_BYTES = 1_048_576;

export interface HttpTransportSettings extends Omit<HttpContext, "closing"> {}

export function openHttpTransport(settings: HttpTransportSettings): Transport {
  const closing = createClosing();
  const context: HttpContext = { ...settings, closing };
  const memory = createEraMemory(context.clock);
  const sessions = openLegacySessions(context);

  const findEra = singleFlight(async () => {
    const found = await probe(context);
    if (!isFailure(found)) memory.learn(found);
    return found;
  });

  return {
    kind: "http",
    era: memory.last,
    connect: async (caller, signal): Promise<Link | Failure> => {
      for (;;) {
        const remembered = memory.known();
        const known = remembered ?? (await orAborted(findEra(), signal));
        if (isFailure(known)) return known;
        if (known.era === "modern") return createModernLink(context, known.facts);
        const link = await sessions.connect(caller, signal);
        if (!isFailure(link)) return link;
        memory.forget();
        // What was just found out cannot be out of date.
        if (remembered === undefined) return link;
      }
    },
    scope: (client) => {
      const era = memory.last();
      if (era === undefined) return undefined;
      return era === "modern" ? SHARED : toCallerKey(client);
    },
    recheckEra: async (signal) => {
      const found = await orAborted(findEra(), signal);
      return isFailure(found) ? undefined : found.era;
    },
    close: async () => {
      closing.close();
      await sessions.close();
    },
  };
}

/**
 * Asks `server/discover` (2026-07-28, streamable HTTP, backward compatibility). What says nothing of
 * the era (401, 403, 5xx, silence) is a failure, and nothing is learnt from it.
 */
async function probe(context: HttpContext): Promise<KnownEra | Failure> {
  const call: LinkCall = {
    id: context.nextId(),
    method: "server/discover",
    params: undefined,
    progressToken: undefined,
    logLevel: undefined,
    headers: {},
    paramHeaders: [],
    maxBytes: PROBE_BYTES,
  };
  const answer = await askOnce(context, {
    id: call.id,
    ...toModernPost(context, call),
    maxBytes: call.maxBytes,
    scope: SHARED,
    onRequest: () => failure("UPSTREAM_INVALID", "A request came before any session"),
  });
  if (isFailure(answer)) return answer;
  if (answer.kind !== "refused") return eraOfAnswer(answer);
  const { error } = answer;
  return error !== undefined && isModernError(error.code) ? eraOfAnswer(error) : { era: "legacy" };
}
