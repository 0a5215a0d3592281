/** What the rest of the house sees of one upstream. */
import type { Cancellation, AnswerStream, Failure, ToolFacts } from "../core/index.ts";
import type { Era, ErrorMessage, JsonObject, ListKind, ParamHeader } from "../mcp/index.ts";
import type { Listing, Quarantined } from "./catalogue.ts";
import type { ListChange, ListenWish, ServerFacts, UpstreamCaller } from "./link.ts";

export interface UpstreamRequest extends UpstreamCaller {
  readonly method: string;
  readonly params: JsonObject | undefined;
  /** Unknown `Mcp-Param-*` headers of the caller, which go on to a modern upstream. */
  readonly headers: Readonly<Record<string, string>>;
  readonly paramHeaders: readonly ParamHeader[];
  /** Of the whole answer; more is `RESPONSE_TOO_LARGE`. */
  readonly maxBytes: number;
  /** Whether the method may be answered by a question for input. */
  readonly asks: boolean;
  /** What the client refused to answer, by the key of the question. */
  readonly refused: ReadonlyMap<string, ErrorMessage> | undefined;
  /** How long each next message may take, in place of the upstream's own `timeoutMs`. */
  readonly timeoutMs?: number | undefined;
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
  /**
   * A tool by the upstream's own name; undefined where it lists none of that name, or why the one it
   * lists is held back.
   */
  readonly tool: (
    name: string,
    caller: UpstreamCaller,
    signal: Cancellation,
  ) => Promise<ToolFacts | Quarantined | undefined | Failure>;
  /**
   * Forwards a request. Ends with a result, the upstream's error, or one of the failures
   * UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, UPSTREAM_INVALID, RESPONSE_TOO_LARGE, INPUT_DENIED.
   * Firing `signal`, or breaking the iteration off, cancels the call at the upstream. A result may
   * be `input_required`, whatever the upstream's era: the call of a legacy one is held meanwhile,
   * and the request that comes with its `requestState` goes on with it, in whichever process it is
   * held.
   */
  readonly send: (request: UpstreamRequest, signal: Cancellation) => AnswerStream;
  /**
   * What changes at the upstream, for as long as `signal` does not fire. A way that is lost is
   * opened again after a pause, and all that was wished for counts as changed then; lists do so
   * whenever it is opened.
   */
  readonly listen: (
    caller: UpstreamCaller,
    wish: ListenWish,
    signal: Cancellation,
  ) => AsyncIterable<UpstreamChange>;
}

export type UpstreamChange =
  /** From here on changes are heard of; or they are not, and the way is tried again later. */
  | { readonly kind: "way"; readonly isOpen: boolean }
  | { readonly kind: "list"; readonly list: ListChange }
  /** `params` of `notifications/resources/updated`, as the upstream sent them. */
  | { readonly kind: "resource"; readonly uri: string; readonly params: JsonObject };

export interface UpstreamStatus {
  readonly name: string;
  readonly transport: "http" | "stdio" | "package";
  readonly era: Era | undefined;
  readonly state: "unknown" | "up" | "down";
  /** Why it is down, for operators. */
  readonly why?: string;
  /** How many may be used. */
  readonly tools: number | undefined;
  /** The tools that are held back, since they are not the ones that were reviewed. */
  readonly quarantined: readonly string[];
}
