/** One exchange and the facts it gathers on the road; each stage copies it with one fact more. */
import type {
  Era,
  ErrorMessage,
  HeaderView,
  IdText,
  JsonObject,
  ListKind,
  MethodRow,
  ParamHeader,
  ResultMessage,
  SchemaValidator,
  TargetKind,
} from "../mcp/index.ts";
import type { AnswerStream } from "./answer.ts";
import type { Approval, ApprovalDemand, CarriedWord } from "./approval.ts";
import type { Cancellation } from "./cancellation.ts";
import type { Body, NamedBucket } from "./ports.ts";

/** What a door hands over: one HTTP request to an MCP endpoint. */
export interface Arrival {
  /** The gateway's own id of this exchange, shown to the client and in the record. */
  readonly id: string;
  readonly transport: "http";
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly httpMethod: string;
  /** The raw path, neither decoded nor normalized. */
  readonly path: string;
  readonly headers: HeaderView;
  readonly body: Body | undefined;
  /** The peer's address after trusted proxies; absent where the host program gave none. */
  readonly address: string | undefined;
  /** A forwarding header was present, trusted or not: such a caller is never `anonymous`. */
  readonly forwarded: boolean;
  /** Fires when the client has gone, or takes no more of its answer. */
  readonly signal: Cancellation;
}

/** `/mcp` speaks for every upstream, `/mcp/{upstream}` for one. */
export interface Endpoint {
  readonly upstream: string | undefined;
}
export interface Arrived extends Arrival {
  readonly endpoint: Endpoint;
}

export interface ClientIdentity {
  /** The client's name in the config. */
  readonly name: string;
  /** Who stands behind it, where the credential says; undefined for plain tokens. */
  readonly subject: string | undefined;
}
export interface Identified extends Arrived {
  readonly client: ClientIdentity;
}

export interface Quota {
  /** Gives the concurrency slot back; safe to call twice. */
  readonly release: () => void;
  /** The answer has become an event stream: it is counted with the open streams from now on. */
  readonly becomeStream: () => void;
}
export interface Counted extends Identified {
  readonly quota: Quota;
}

/** What a message says of its sender, in the modern shape whatever the era. */
export interface Caller {
  readonly era: Era;
  readonly revision: string;
  readonly capabilities: JsonObject | undefined;
  readonly clientInfo: JsonObject | undefined;
  /** The least severe log message the caller wants on the request's stream; none where absent. */
  readonly logLevel: string | undefined;
  /** Legacy: the id inside the sealed session token. */
  readonly session: string | undefined;
}

export interface McpRequest {
  readonly kind: "request";
  readonly id: IdText;
  readonly method: string;
  readonly does: MethodRow["does"];
  /** Whether it may be answered by a question for input. */
  readonly asks: boolean;
  readonly params: JsonObject | undefined;
  /** What a legacy client refused to answer in the round before, by the key of the question. */
  readonly refused?: ReadonlyMap<string, ErrorMessage>;
  readonly caller: Caller;
  readonly bytes: number;
}
export interface McpNotification {
  readonly kind: "notification";
  readonly method: string;
  readonly params: JsonObject | undefined;
  readonly caller: Caller;
  readonly bytes: number;
}
/** A legacy client answers what it was asked on the stream of one of its calls. */
export interface McpResponse {
  readonly kind: "response";
  readonly id: IdText;
  readonly answer: ResultMessage | ErrorMessage;
  readonly caller: Caller;
  readonly bytes: number;
}
/** A legacy client ends its session (DELETE). */
export interface McpClose {
  readonly kind: "close";
  /** The sealed session id, as the client sent it. */
  readonly token: string;
  readonly caller: Caller;
  readonly bytes: number;
}
/** A legacy client opens its session's stream (GET), or takes up one that broke. */
export interface McpStream {
  readonly kind: "stream";
  /** `Last-Event-ID`: the stream to go on with. */
  readonly after: string | undefined;
  readonly caller: Caller;
  readonly bytes: number;
}
export type McpInput = McpRequest | McpNotification | McpResponse | McpClose | McpStream;

/** What a plugin said in one of its hooks, as the record names it. */
export interface PluginHit {
  readonly name: string;
  readonly version: string;
  /** Of its files, in lower-case hex. */
  readonly sha256: string;
  readonly hook: string;
  /** Whether it was asked about the request, or about the answer. */
  readonly stage: "consult" | "review";
  /** What it wanted done, or the code of its failure. */
  readonly verdict: string;
  /** In `shadow` nothing of it was applied. */
  readonly mode: "enforce" | "shadow";
  /** Its reason, note and tags, or what failed: the first of several. */
  readonly why?: string | undefined;
  /** Its own time, summed. */
  readonly ms: number;
  /** How often it said so. */
  readonly count: number;
}

export interface Understood extends Counted {
  readonly input: McpInput;
  /** Grows on the way, and goes on from round to round. */
  readonly plugins?: PluginHit[];
}

/** A tool as its upstream declares it. */
export interface ToolFacts {
  readonly definition: JsonObject;
  /** Arguments that travel in `Mcp-Param-*` headers too. */
  readonly headers: readonly ParamHeader[];
  /** Compiled at its first use; undefined where the schema cannot be used (then `fault` says why). */
  readonly validator: () => SchemaValidator | { readonly fault: string };
}

/** One thing of one upstream that a request is about. */
export interface OneTarget {
  readonly kind: "one";
  readonly upstream: string;
  readonly what: TargetKind;
  /** The upstream's own name, URI, or URI template where `isTemplate`. */
  readonly name: string;
  /** A completion may ask about a template as a whole. */
  readonly isTemplate: boolean;
  /** `params` as the upstream knows them: shown names and URIs replaced by its own. */
  readonly params: JsonObject;
  /** Of a task: the rules that clean what its call answers, by name. */
  readonly cleanedBy?: readonly string[];
  /** What the call's state says of a person's approval. */
  readonly word?: CarriedWord;
}
/** A list, made of the lists of these upstreams. */
export interface ListTarget {
  readonly kind: "list";
  readonly list: ListKind;
  readonly upstreams: readonly string[];
  /** Where to go on, as the client sent it. */
  readonly cursor: string | undefined;
}
export interface GatewayTarget {
  readonly kind: "gateway";
  readonly upstreams: readonly string[];
}
/** Resources whose changes are listened to, under their upstream's own URIs. */
export interface FollowedResource {
  readonly upstream: string;
  readonly uri: string;
  /** As the client knows it. */
  readonly shown: string;
}
/** The changes of several upstreams, as one client may see them. */
export interface SubscriptionTarget {
  readonly kind: "subscription";
  readonly upstreams: readonly string[];
  readonly lists: ReadonlySet<"tools" | "prompts" | "resources">;
  readonly resources: readonly FollowedResource[];
}
/** A call that waits for this response. */
export interface ReplyTarget {
  readonly kind: "reply";
}
export type Target = OneTarget | ListTarget | GatewayTarget | SubscriptionTarget | ReplyTarget;

export interface Routed extends Understood {
  readonly target: Target;
}

/** A rule that matched, as the record names it. */
export interface RuleHit {
  readonly name: string;
  /** What it does: arguments are set in shape, of the rest the first in this order is named in judge. */
  readonly then: "deny" | "ask" | "set" | "rate" | "sanitize" | "timeout";
  /** In `shadow` nothing of it was applied. */
  readonly mode: "enforce" | "shadow";
}
/** Why the policy lets the exchange pass. */
export interface Permit {
  /** The allow pattern that matched; undefined for lists, which are cut item by item. */
  readonly allowedBy: string | undefined;
}
export interface Permitted extends Routed {
  readonly permit: Permit;
}

/** What the policy made of the request. */
export interface Shaped extends Permitted {
  readonly shaped: {
    readonly params: JsonObject | undefined;
    /** The tool that is called; undefined where the exchange is about something else. */
    readonly tool: ToolFacts | undefined;
    /** The rules that set arguments. */
    readonly rules: readonly RuleHit[];
    /** The arguments that they set whatever anybody else says: JSON texts by name. */
    readonly pinned: ReadonlyMap<string, string>;
  };
}
/** What will be sent: the bytes that are judged next. */
export interface Consulted extends Shaped {
  readonly call: JsonObject | undefined;
}
export interface Judged extends Consulted {
  readonly judgement: {
    readonly rules: readonly RuleHit[];
    readonly adjust: Adjustment;
    /** A person has to approve what will be sent. */
    readonly ask?: ApprovalDemand | undefined;
  };
}
/** What the rules change in how a call is made, and in what becomes of its answer. */
export interface Adjustment {
  /** In place of the upstream's own. */
  readonly timeoutMs?: number | undefined;
  /** The nearest first; each setting is taken from the first that has it. */
  readonly sanitize: readonly SanitizeChoice[];
  /** What else counts the call, beside its upstream. */
  readonly buckets: readonly NamedBucket[];
}
/** How strict the cleaning is, as a part of the config says it. */
export interface SanitizeChoice {
  readonly secrets?: "redact" | "mask" | "deny" | "report" | "off" | undefined;
  readonly hidden?: "strip" | "show" | "deny" | "off" | undefined;
}
export interface Approved extends Judged {
  /** Whose word lets the call pass; undefined where no rule asks for any. */
  readonly approval: Approval | undefined;
}
export interface Metered extends Approved {
  readonly metered: true;
}
export interface Answered extends Metered {
  readonly raw: AnswerStream;
  readonly timing: UpstreamTiming;
  /**
   * What was taken out of an answer that was put together from clean parts, each under its own
   * upstream's settings; undefined for one that is still to be cleaned.
   */
  readonly cleaned: readonly Redaction[] | undefined;
  readonly asked?: AskedInput | undefined;
}
/** Filled when the upstream asks the client for something instead of an answer. */
export interface AskedInput {
  /** Tells the upstream that no answer comes: the client does not hear the question. */
  giveUp?: () => Promise<void>;
}
/** Filled when the upstream's last message is here. */
export interface UpstreamTiming {
  upstreamMs?: number;
}
export interface Reviewed extends Answered {
  readonly reviewed: AnswerStream;
}
export interface Cleaned extends Understood {
  readonly answer: AnswerStream;
  readonly redactions: readonly Redaction[];
  readonly asked?: AskedInput | undefined;
  readonly approval?: Approval | undefined;
  /** Of an exchange of several rounds; filled while the answer flows. */
  readonly signed?: SignedRounds | undefined;
}
/** What the last round came to that a person was asked in. */
export interface SignedRounds {
  approval?: Approval | undefined;
}

/** What was taken out of an answer; grows while the answer flows. */
export interface Redaction {
  readonly kind: string;
  /** Where it stood: a JSON Pointer into the message, without keys' values. */
  readonly where: string;
  readonly count: number;
}
