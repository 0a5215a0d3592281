/** Streamable HTTP upstreams in both eras; which one it is, is found out by a first modern request. */
import { type Cancellation, type Failure, failure } from "../../core/index.ts";
import { createClosing } from "../closing.ts";
import { createEraMemory, singleFlight } from "../era.ts";
import { eraOfAnswer, isModernError, unknownFacts } from "../facts.ts";
import { type HttpContext, askOnce } from "./exchange.ts";
import { openLegacyHttp } from "./legacy.ts";
import { toModernPost, toOwnCall } from "./modern-post.ts";
import { createModernLink } from "./modern.ts";
import { type Link, type LinkCaller, type Transport, isFailure, toCallerKey } from "../link.ts";
import type { KnownEra } from "../era.ts";
import { openSseSessions } from "./sse.ts";
import { orAborted } from "../watch.ts";

const PROBE_BYTES = 1_048_576;
const ofOldTransport: ReadonlySet<unknown> = new Set([400, 404, 405]);

/** Each holds one of the connections that calls need too. */
const MAX_STANDING = 512;

export interface HttpTransportSettings extends Omit<HttpContext, "closing" | "takeStanding"> {}

export function openHttpTransport(settings: HttpTransportSettings): Transport {
  const closing = createClosing();
  const takeStanding = createPlaces(MAX_STANDING);
  const context: HttpContext = { ...settings, closing, takeStanding };
  const memory = createEraMemory(context.clock);
  const legacy = openLegacyHttp(context);
  const sse = openSseSessions(context);

  const findEra = singleFlight(async () => {
    const found = await probe(context);
    if (!isFailure(found)) memory.learn(found);
    return found;
  });

  /** Who refuses `initialize` may be of the old transport (2025-11-25, transports, backwards compatibility). */
  async function connectLegacy(
    way: "sse" | undefined,
    caller: LinkCaller,
    signal: Cancellation,
  ): Promise<Link | Failure> {
    if (way === "sse") return sse.connect(caller, signal);
    const link = await legacy.connect(caller, signal);
    if (!isFailure(link) || !("status" in link) || !ofOldTransport.has(link.status)) return link;
    const old = await sse.connect(caller, signal);
    if (isFailure(old)) return link;
    memory.learn({ era: "legacy", way: "sse" });
    return old;
  }

  return {
    kind: "http",
    era: memory.last,
    connect: async (caller, signal): Promise<Link | Failure> => {
      for (;;) {
        const remembered = memory.known();
        const known = remembered ?? (await orAborted(findEra(), signal));
        if (isFailure(known)) return known;
        if (known.era === "modern") {
          return createModernLink(context, known.facts, caller.capabilities);
        }
        const link = await connectLegacy(known.way, caller, signal);
        if (!isFailure(link)) return link;
        // A stream that was lost says nothing of the way it was opened.
        if (known.way === "sse" && !("status" in link)) return link;
        memory.forget();
        // What was just found out cannot be out of date.
        if (remembered === undefined) return link;
      }
    },
    scope: (caller) => {
      const era = memory.last();
      if (era === undefined) return undefined;
      return era === "modern" ? caller.capabilities : toCallerKey(caller);
    },
    recheckEra: async (signal) => {
      const found = await orAborted(findEra(), signal);
      return isFailure(found) ? undefined : found.era;
    },
    close: async () => {
      closing.close();
      await Promise.all([legacy.close(), sse.close()]);
    },
  };
}

/**
 * Asks `server/discover` (2026-07-28, streamable HTTP, backward compatibility). What says nothing of
 * the era (401, 403, 5xx, silence) is a failure, and nothing is learnt from it.
 */
async function probe(context: HttpContext): Promise<KnownEra | Failure> {
  const first = await ask(context);
  // A modern server that refused the question has not said what it can do: it is asked again in the
  // revision that it named, which is ours (2026-07-28, versioning, negotiation).
  if (isFailure(first) || first.era !== "modern" || first.facts !== unknownFacts) return first;
  const second = await ask(context);
  return isFailure(second) || second.era !== "modern" ? first : second;
}

async function ask(context: HttpContext): Promise<KnownEra | Failure> {
  const own = { id: context.nextId(), method: "server/discover", params: undefined };
  const call = toOwnCall({ ...own, capabilities: "{}", maxBytes: PROBE_BYTES });
  const answer = await askOnce(context, {
    id: call.id,
    ...toModernPost(context.clientInfo, call),
    maxBytes: call.maxBytes,
    scope: call.capabilities,
    onRequest: () => failure("UPSTREAM_INVALID", "A request came before any session"),
  });
  if (isFailure(answer)) return answer;
  if (answer.kind !== "refused") return eraOfAnswer(answer);
  const { error } = answer;
  return error !== undefined && isModernError(error.code) ? eraOfAnswer(error) : { era: "legacy" };
}

/** Gives out so many places at a time, each with what gives it back; undefined where all are taken. */
function createPlaces(max: number): () => (() => void) | undefined {
  let taken = 0;
  return () => {
    if (taken >= max) return undefined;
    let isTaken = true;
    taken++;
    return () => {
      if (isTaken) taken--;
      isTaken = false;
    };
  };
}
