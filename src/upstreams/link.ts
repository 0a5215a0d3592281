/** What both transports give: an open way to one upstream, in one era. */
import type { Cancellation, Caller, ClientIdentity, Failure } from "../core/index.ts";
import type {
  Era,
  ErrorMessage,
  JsonObject,
  NotificationMessage,
  ParamHeader,
  RequestMessage,
  ResultMessage,
} from "../mcp/index.ts";

/** Who asks: an upstream's state (a session, a process) belongs to one client. */
export interface UpstreamCaller {
  readonly client: ClientIdentity;
  readonly caller: Caller;
}

/** A caller as one upstream sees it. */
export interface LinkCaller extends UpstreamCaller {
  /** The client's own capabilities, cut to what the policy grants this upstream, as JSON text. */
  readonly capabilities: string;
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
  /** As `LinkCaller` has them: a modern request carries them itself. */
  readonly capabilities: string;
  /** `Mcp-Param-*` headers to pass on. */
  readonly headers: Readonly<Record<string, string>>;
  readonly paramHeaders: readonly ParamHeader[];
  /** Of the whole answer, notifications included. */
  readonly maxBytes: number;
  /** How long its headers may take, in place of the upstream's own `timeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

/** The upstream no longer is what it was found to be: its era must be found out again. */
export interface Stale {
  readonly kind: "stale";
  readonly why: string;
}
/** A legacy server asks its client something in the middle of a call, which waits for the answer. */
export interface LinkQuestion {
  readonly kind: "question";
  readonly request: RequestMessage;
  /** Sends the answer up, under the server's own id; never rejects. */
  readonly reply: (answer: ResultMessage | ErrorMessage) => Promise<void>;
}
/** What ends an exchange. */
export type LinkEnd = ResultMessage | ErrorMessage | Failure | Stale;
export type LinkMessage = NotificationMessage | LinkQuestion | LinkEnd;

/** Changes of an upstream to be told of. */
export interface ListenWish {
  readonly lists: ReadonlySet<ListChange>;
  /** Resources under the upstream's own URIs. */
  readonly uris: readonly string[];
}
/** The end alone, where nothing can come before it, or a stream of messages. */
export type LinkAnswer = LinkEnd | AsyncIterable<LinkMessage>;

export interface Link {
  readonly era: Era;
  readonly revision: string;
  readonly facts: ServerFacts;
  /**
   * Notifications and questions, then exactly one of the rest. Ends early only where `signal` fires;
   * breaking off the iteration or firing `signal` cancels the call at the upstream. Rejects with
   * `Aborted`. Whoever takes a question sees to its answer; the call stays open meanwhile.
   */
  readonly exchange: (call: LinkCall, signal: Cancellation) => Promise<LinkAnswer>;
  /**
   * `list_changed` and `resources/updated` as they come, once the upstream knows the wish, until
   * `signal` fires or the way to the upstream is lost; then the iteration ends. A failure where it
   * cannot be listened to at all. Rejects with `Aborted`.
   */
  readonly listen: (
    wish: ListenWish,
    signal: Cancellation,
  ) => Promise<AsyncIterable<NotificationMessage> | Failure>;
}

export interface Transport {
  readonly kind: "http" | "stdio" | "package";
  /** The era last found out, while it is believed. */
  readonly era: () => Era | undefined;
  readonly connect: (caller: LinkCaller, signal: Cancellation) => Promise<Link | Failure>;
  /**
   * Whose lists this caller gets: callers of one scope share what is known of them. Undefined until
   * the era is known. A session or a process has a state of its own, so its lists are its caller's.
   * Modern requests over HTTP stand alone and carry nothing of the client but its call and its
   * capabilities, so what they list depends on these alone, whatever `cacheScope` they come with.
   */
  readonly scope: (caller: LinkCaller) => string | undefined;
  /** Finds out anew what the upstream is, where what is known of it seems wrong. */
  readonly recheckEra: (signal: Cancellation) => Promise<Era | undefined>;
  /** Ends every process, session and connection. */
  readonly close: () => Promise<void>;
}

/** Lists that the upstream says have changed. */
export const listChanges = ["tools", "resources", "prompts"] as const;
export type ListChange = (typeof listChanges)[number];

/** The client that the gateway is when it asks for itself; no config can name one so. */
export const ownName = "";

/**
 * One key for one client and subject with these capabilities, whatever their names hold: a session
 * was opened with what its server was told, and is shared by nobody who would have said other things.
 */
export function toCallerKey({ client, capabilities }: LinkCaller): string {
  return JSON.stringify([client.name, client.subject ?? null, capabilities]);
}

/** One key for one client and subject. */
export function toPrincipal({ client }: UpstreamCaller): string {
  return JSON.stringify([client.name, client.subject ?? null]);
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
