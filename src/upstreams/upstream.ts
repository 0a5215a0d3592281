/** One MCP server behind the gateway, in the modern shape whatever its era and transport. */
import { type Cancellation, type Clock, type Failure, failure } from "../core/index.ts";
import {
  type ErrorMessage,
  type NotificationMessage,
  type ParamHeader,
  type ResultMessage,
  toModernResult,
} from "../mcp/index.ts";
import type { Asker, Catalogue } from "./catalogue.ts";
import {
  type Link,
  type LinkCall,
  type LinkEnd,
  type LinkMessage,
  type Transport,
  type UpstreamCaller,
  isAlone,
  isFailure,
} from "./link.ts";
import type { Closing } from "./closing.ts";
import type { Upstream, UpstreamRequest, UpstreamStatus } from "./face.ts";
import { type Tokens, refuseInput, relayNotification, toTokens } from "./relay.ts";
import { Aborted, type Watch, openWatch, orAborted } from "./watch.ts";
import { asObject } from "./wire.ts";

export interface UpstreamSettings {
  readonly name: string;
  readonly transport: Transport;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly nextId: () => number;
  readonly closing: Closing;
}

export interface OpenUpstream extends Upstream {
  readonly status: () => UpstreamStatus;
}

type Last = ResultMessage | ErrorMessage | Failure;

const unanswered = failure("UPSTREAM_INVALID", "The answer ended early");

export function createUpstream(settings: UpstreamSettings): OpenUpstream {
  const { name, transport, catalogue, clock, closing, nextId } = settings;
  let state: UpstreamStatus["state"] = "unknown";

  /** What a caller broke off says nothing of the upstream. */
  function note<T extends object>(seen: T, signal?: Cancellation): T {
    if (signal?.aborted || closing.isClosed()) return seen;
    if (!isFailure(seen)) state = "up";
    else if (seen.code === "UPSTREAM_UNAVAILABLE" || seen.code === "UPSTREAM_TIMEOUT") {
      state = "down";
    }
    return seen;
  }

  async function connect(caller: UpstreamCaller, signal: Cancellation): Promise<Link | Failure> {
    try {
      return note(await transport.connect(caller, signal), signal);
    } catch (error) {
      if (error instanceof Aborted) return failure("UPSTREAM_UNAVAILABLE", "The wait was given up");
      throw error;
    }
  }

  /** What the upstream answers, as it answers it; what belongs to another hop is tried once more. */
  async function* forward(
    request: UpstreamRequest,
    toEnd: (last: Last) => Last,
    signal?: Cancellation,
  ): AsyncGenerator<NotificationMessage | Last> {
    const watch = openWatch(clock, settings, closing, signal);
    try {
      let { paramHeaders } = request;
      for (let attempt = 1; ; attempt++) {
        const link = await connect(request, watch.signal);
        if (isFailure(link)) {
          yield note(watch.fault() ?? link, signal);
          return;
        }
        const id = nextId();
        const tokens = toTokens({ params: request.params, id });
        const call = toCall({ ...request, paramHeaders }, id, tokens);
        watch.touch();
        const answer = await link.exchange(call, watch.signal).catch(toGivenUp);
        const last = isAlone(answer) ? answer : yield* relay(answer, request, tokens, watch);
        const again = attempt === 1 ? await retry(link, last, request, watch.signal) : undefined;
        if (again !== undefined) {
          paramHeaders = again;
          continue;
        }
        yield toEnd(note(toLast(last, watch), signal));
        return;
      }
    } finally {
      watch.close();
    }
  }

  /**
   * The parameter headers to try again with; undefined where the call must not be sent twice: only
   * what a refusal of the protocol, or of a server of the other era, has surely not done.
   */
  async function retry(
    link: Link,
    last: LinkEnd,
    request: UpstreamRequest,
    signal: Cancellation,
  ): Promise<readonly ParamHeader[] | undefined> {
    const isRefused = last.kind === "error" && last.code === -32022;
    if (last.kind === "stale" || isRefused) {
      const era = await transport.recheckEra(signal).catch(ignoreAborted);
      const isOther = era !== undefined && era !== link.era;
      return isRefused || isOther ? request.paramHeaders : undefined;
    }
    const mismatch = last.kind === "error" && last.code === -32020 && link.era === "modern";
    const named = request.method === "tools/call" && request.params?.node.members;
    const node = named && named.find(({ key }) => key === "name")?.value;
    if (!mismatch || !node || node.type !== "string") return undefined;
    const asker = toAsker(request);
    const tool = await catalogue.tool(node.value, asker, signal, true).catch(ignoreAborted);
    return tool === undefined || isFailure(tool) ? undefined : tool.headers;
  }

  function toAsker({ client, caller }: UpstreamCaller): Asker {
    return {
      scope: () => transport.scope(client),
      facts: async () => {
        const watch = openWatch(clock, settings, closing);
        const link = await connect({ client, caller }, watch.signal);
        watch.close();
        return isFailure(link) ? (watch.fault() ?? link) : link.facts;
      },
      ask: async (method, params, maxBytes) => {
        // Lists are shared, so no caller's wishes for a log go up with them.
        const plain = { client, caller: { ...caller, logLevel: undefined } };
        const request = { ...plain, method, params, headers: {}, paramHeaders: [], maxBytes };
        for await (const message of forward(request, (last) => last)) {
          if (message.kind !== "notification") return message;
        }
        return unanswered;
      },
    };
  }

  return {
    name,
    discover: async (caller, signal) => {
      const facts = await guard(orAborted(toAsker(caller).facts(), signal));
      if (isFailure(facts)) return facts;
      return { ...facts, capabilities: facts.capabilities ?? asObject("{}") };
    },
    list: (kind, caller, signal) => guard(catalogue.list(kind, toAsker(caller), signal)),
    tool: (tool, caller, signal) => guard(catalogue.tool(tool, toAsker(caller), signal)),
    send: (request, signal) =>
      forward(
        request,
        (last) =>
          last.kind === "result"
            ? { ...last, result: toModernResult(request.method, last.result) }
            : last,
        signal,
      ),
    status: () => ({
      name,
      transport: transport.kind,
      era: transport.era(),
      state,
      tools: catalogue.toolCount(),
    }),
  };
}

/** Relays notifications and returns the end. */
async function* relay(
  messages: AsyncIterable<LinkMessage>,
  caller: UpstreamCaller,
  tokens: Tokens | undefined,
  watch: Watch,
): AsyncGenerator<NotificationMessage, LinkEnd> {
  for await (const message of messages) {
    if (message.kind !== "notification") return message;
    watch.touch();
    const relayed = relayNotification(message, caller, tokens);
    if (relayed === undefined) continue;
    watch.rest();
    yield relayed;
    watch.touch();
  }
  return unanswered;
}

/** A deadline or a lost caller is an end too, and explains a failure better than the failure does. */
function toLast(last: LinkEnd, watch: Watch): Last {
  if (last.kind === "result" || last.kind === "error") return refuseInput(last);
  const end = last.kind === "stale" ? failure("UPSTREAM_UNAVAILABLE", last.why) : last;
  return watch.fault() ?? end;
}

/** Its caller gave the call up: `Watch.fault` knows why. */
function toGivenUp(error: unknown): Failure {
  if (!(error instanceof Aborted)) throw error;
  return unanswered;
}

function toCall(request: UpstreamRequest, id: number, tokens: Tokens | undefined): LinkCall {
  const { method, params, headers, paramHeaders, maxBytes } = request;
  const { logLevel } = request.caller;
  return {
    id,
    method,
    params,
    progressToken: tokens?.ours,
    logLevel,
    headers,
    paramHeaders,
    maxBytes,
  };
}

/** A wait that its caller gave up is a failure, not an exception. */
async function guard<T>(promise: Promise<T>): Promise<T | Failure> {
  return promise.catch((error: unknown) => {
    if (error instanceof Aborted) return failure("UPSTREAM_UNAVAILABLE", "The wait was given up");
    throw error;
  });
}

function ignoreAborted(error: unknown): undefined {
  if (!(error instanceof Aborted)) throw error;
}
