/** What the rest of the house sees of one upstream. */
import type { Cancellation, AnswerStream, Failure, ToolFacts } from "../core/index.ts";
import type { Era, JsonObject, ListKind, ParamHeader } from "../mcp/index.ts";
import type { Listing } from "./catalogue.ts";
import type { ServerFacts, UpstreamCaller } from "./link.ts";

export interface UpstreamRequest extends UpstreamCaller {
  readonly method: string;
  readonly params: JsonObject | undefined;
  /** Unknown `Mcp-Param-*` headers of the caller, which go on to a modern upstream. */
  readonly headers: Readonly<Record<string, string>>;
  readonly paramHeaders: readonly ParamHeader[];
  /** Of the whole answer; more is `RESPONSE_TOO_LARGE`. */
  readonly maxBytes: number;
}

export interface Discovered extends ServerFacts {
  readonly capabilities: JsonObject;
}

export interface Upstream {
  readonly name: string;
  readonly discover: (
    caller: UpstreamCaller,
    signal: Cancellation,
  ) => Promise<Discovered | Failure>;
  /** The whole list, all pages; cached for at most a minute. */
  readonly list: (
    kind: ListKind,
    caller: UpstreamCaller,
    signal: Cancellation,
  ) => Promise<Listing | Failure>;
  /** A tool by the upstream's own name; undefined where it lists none of that name. */
  readonly tool: (
    name: string,
    caller: UpstreamCaller,
    signal: Cancellation,
  ) => Promise<ToolFacts | undefined | Failure>;
  /**
   * Forwards a request. Ends with a result, the upstream's error, or one of the failures
   * UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, UPSTREAM_INVALID, RESPONSE_TOO_LARGE, INPUT_DENIED.
   * Firing `signal`, or breaking the iteration off, cancels the call at the upstream.
   */
  readonly send: (request: UpstreamRequest, signal: Cancellation) => AnswerStream;
}

export interface UpstreamStatus {
  readonly name: string;
  readonly transport: "http" | "stdio";
  readonly era: Era | undefined;
  readonly state: "unknown" | "up" | "down";
  readonly tools: number | undefined;
}
