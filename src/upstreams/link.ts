/** What both transports give: an open way to one upstream, in one era. */
import type { Cancellation, Caller, ClientIdentity, Failure } from "../core/index.ts";
import type {
  Era,
  ErrorMessage,
  JsonObject,
  NotificationMessage,
  ParamHeader,
  ResultMessage,
} from "../mcp/index.ts";

/** Who asks: an upstream's state (a session, a process) belongs to one client. */
export interface UpstreamCaller {
  readonly client: ClientIdentity;
  readonly caller: Caller;
}

/** What an upstream says of itself; `capabilities` is absent where it did not say. */
export interface ServerFacts {
  readonly capabilities: JsonObject | undefined;
  readonly instructions: string | undefined;
  readonly serverInfo: JsonObject | undefined;
}

/** One request as the upstream will see it, but for what its era adds. */
export interface LinkCall {
  /** Our own id, which no other call of this upstream has. */
  readonly id: number;
  readonly method: string;
  readonly params: JsonObject | undefined;
  /** Our own progress token as JSON text, where the caller wants progress. */
  readonly progressToken: string | undefined;
  readonly logLevel: string | undefined;
  /** `Mcp-Param-*` headers to pass on. */
  readonly headers: Readonly<Record<string, string>>;
  readonly paramHeaders: readonly ParamHeader[];
  /** Of the whole answer, notifications included. */
  readonly maxBytes: number;
}

/** The upstream no longer is what it was found to be: its era must be found out again. */
export interface Stale {
  readonly kind: "stale";
  readonly why: string;
}
/** What ends an exchange. */
export type LinkEnd = ResultMessage | ErrorMessage | Failure | Stale;
export type LinkMessage = NotificationMessage | LinkEnd;
/** The end alone, where nothing can come before it, or a stream of messages. */
export type LinkAnswer = LinkEnd | AsyncIterable<LinkMessage>;

export interface Link {
  readonly era: Era;
  readonly revision: string;
  readonly facts: ServerFacts;
  /**
   * Notifications, then exactly one of the rest. Ends early only where `signal` fires; breaking off
   * the iteration or firing `signal` cancels the call at the upstream. Rejects with `Aborted`.
   */
  readonly exchange: (call: LinkCall, signal: Cancellation) => Promise<LinkAnswer>;
}

export interface Transport {
  readonly kind: "http" | "stdio";
  /** The era last found out, while it is believed. */
  readonly era: () => Era | undefined;
  readonly connect: (caller: UpstreamCaller, signal: Cancellation) => Promise<Link | Failure>;
  /**
   * Whose lists this client gets: callers of one scope share what is known of them. Undefined until
   * the era is known. A session or a process has a state of its own, so its lists are its caller's.
   * Modern requests over HTTP stand alone and carry nothing of the client but its call, so what
   * they list cannot depend on who asks, whatever `cacheScope` they come with.
   */
  readonly scope: (client: ClientIdentity) => string | undefined;
  /** Finds out anew what the upstream is, where what is known of it seems wrong. */
  readonly recheckEra: (signal: Cancellation) => Promise<Era | undefined>;
  /** Ends every process, session and connection. */
  readonly close: () => Promise<void>;
}

/** Lists that the upstream says have changed. */
export type ListChange = "tools" | "resources" | "prompts";

/** The client that the gateway is when it asks for itself; no config can name one so. */
export const ownName = "";

/** One key for one client and subject, whatever their names hold. */
export function toCallerKey({ name, subject }: ClientIdentity): string {
  return JSON.stringify([name, subject ?? null]);
}

/** Whether an answer is its end alone. */
export function isAlone<T extends { readonly kind: string }>(
  answer: T | AsyncIterable<unknown>,
): answer is T {
  return "kind" in answer;
}

export function isFailure(value: object): value is Failure {
  return "kind" in value && value.kind === "failure";
}
