/** One MCP server behind the gateway, in the modern shape whatever its era and transport. */
import type { Clock } from "../core/index.ts";
import { toModernResult } from "../mcp/index.ts";
import { unanswered } from "./call-end.ts";
import { createCalls } from "./calls.ts";
import type { Asker, Catalogue } from "./catalogue.ts";
import type { Closing } from "./closing.ts";
import { type Grants, createDial, givenUp } from "./dial.ts";
import { createEars } from "./ears.ts";
import type { Upstream, UpstreamStatus } from "./face.ts";
import { createHearing } from "./hearing.ts";
import { type ListChange, type Transport, type UpstreamCaller, isFailure } from "./link.ts";
import { listen } from "./listen.ts";
import type { Remote } from "./remote/index.ts";
import { openWatch, orAborted } from "./watch.ts";
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
  readonly grants: Grants;
  /** The way to calls that wait in other processes. */
  readonly remote: Remote;
}

export interface OpenUpstream extends Upstream {
  readonly status: () => UpstreamStatus;
  /** Another instance may know better: the list is fetched again, and those who listen hear of it. */
  readonly doubt: (list: ListChange) => void;
}

export function createUpstream(settings: UpstreamSettings): OpenUpstream {
  const { name, transport, catalogue, clock, closing } = settings;
  const dial = createDial(transport, settings.grants, clock, closing);
  const { forward } = createCalls(dial, {
    ...settings,
    paramHeaders: async (tool, request, signal) => {
      const found = await catalogue.tool(tool, toAsker(request), signal, true);
      return found === undefined || "kind" in found ? undefined : found.headers;
    },
  });
  const hearing = createHearing(catalogue.onChange);
  const ears = createEars();

  function toAsker({ client, caller }: UpstreamCaller): Asker {
    const asking = dial.toLinkCaller({ client, caller });
    return {
      scope: () => transport.scope(asking),
      facts: async () => {
        const watch = openWatch(clock, settings, closing);
        const link = await dial.connect(asking, watch.signal);
        watch.close();
        return isFailure(link) ? (watch.fault() ?? link) : link.facts;
      },
      ask: async (method, params, maxBytes) => {
        // Lists are shared, so no caller's wishes for a log go up with them.
        const plain = { client, caller: { ...caller, logLevel: undefined } };
        const bare = { headers: {}, paramHeaders: [], asks: false, refused: undefined };
        const request = { ...plain, ...bare, method, params, maxBytes };
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
      const facts = await givenUp(orAborted(toAsker(caller).facts(), signal));
      if (isFailure(facts)) return facts;
      return { ...facts, capabilities: facts.capabilities ?? asObject("{}") };
    },
    list: (kind, caller, signal) => givenUp(catalogue.list(kind, toAsker(caller), signal)),
    tool: (tool, caller, signal) => givenUp(catalogue.tool(tool, toAsker(caller), signal)),
    send: (request, signal) =>
      forward(
        request,
        (last) =>
          last.kind === "result"
            ? { ...last, result: toModernResult(request.method, last.result) }
            : last,
        signal,
      ),
    listen: (caller, wish, signal) => {
      const hear = (lists: ReadonlySet<ListChange>): (() => void) => {
        const scope = transport.scope(dial.toLinkCaller(caller));
        return scope === undefined ? () => undefined : hearing(lists, scope);
      };
      return listen({ dial, clock, closing, hear, ears }, caller, wish, signal);
    },
    doubt: (list) => {
      catalogue.doubt(list);
      ears.tell(list);
    },
    status: () => ({
      name,
      transport: transport.kind,
      era: transport.era(),
      ...dial.status(),
      tools: catalogue.toolCount(),
      quarantined: catalogue.quarantined(),
    }),
  };
}
