/**
 * What a plugin imports from `mcp-gw/plugin`, apiVersion 1: its types, and four pure functions that
 * only give their arguments a shape. Payloads are MCP's `params` and `result` objects (2026-07-28).
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One exchange as the plugin sees it. Every value is a copy; changing it has no effect. */
export interface Ctx<C = unknown> {
  readonly requestId: string;
  readonly method: string;
  readonly protocolVersion: string;
  /** Milliseconds, constant during the call; `Date.now()` returns the same. */
  readonly now: number;
  readonly client: {
    readonly id: string;
    readonly subject?: string;
    readonly scopes: readonly string[];
    readonly claims: { readonly [key: string]: Json };
    readonly clientInfo?: { name: string; version: string };
  };
  readonly upstream: { readonly name: string };
  /** The annotations are what the server says of itself: untrusted. */
  readonly tool?: { readonly name: string; readonly annotations?: ToolAnnotations };
  readonly config: C;
  readonly log: Record<"debug" | "info" | "warn" | "error", (...values: unknown[]) => void>;
  /** Needs the grant `kv`. Keys are private to this plugin and this client, unless granted shared. */
  readonly kv: Kv;
  /** Needs the grant `fetch`. */
  readonly fetch: (url: string, init?: FetchInit) => Promise<FetchReply>;
  readonly sha256: (text: string) => string;
  readonly randomUUID: () => string;
}
export interface Kv {
  readonly get: (key: string) => Promise<Json | null>;
  readonly set: (key: string, value: Json, options?: { ttlSeconds?: number }) => Promise<void>;
  readonly incr: (key: string, by?: number, options?: { ttlSeconds?: number }) => Promise<number>;
  readonly delete: (key: string) => Promise<void>;
}
export interface FetchInit {
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  body?: string;
  timeoutMs?: number;
}
export interface FetchReply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly json: () => unknown;
  readonly text: () => string;
}

export interface ToolCallParams {
  name: string;
  arguments?: { [key: string]: unknown };
  inputResponses?: { [key: string]: unknown };
  requestState?: string;
  _meta?: { [key: string]: unknown };
}
export interface ToolResult {
  content: ContentBlock[];
  structuredContent?: unknown;
  isError?: boolean;
  /** Absent from servers of before 2026-07-28. */
  resultType?: string;
  _meta?: { [key: string]: unknown };
}
export type ContentBlock =
  | { type: "text"; text: string; annotations?: unknown; _meta?: unknown }
  | {
      type: "image" | "audio";
      data: string;
      mimeType: string;
      annotations?: unknown;
      _meta?: unknown;
    }
  | {
      type: "resource_link";
      uri: string;
      name: string;
      title?: string;
      description?: string;
      mimeType?: string;
      size?: number;
      annotations?: unknown;
      _meta?: unknown;
    }
  | { type: "resource"; resource: ResourceContents; annotations?: unknown; _meta?: unknown };
export interface ResourceContents {
  uri: string;
  mimeType?: string;
  text?: string;
  blob?: string;
  _meta?: unknown;
}
export interface Tool {
  name: string;
  title?: string;
  description?: string;
  inputSchema: { [key: string]: unknown };
  outputSchema?: { [key: string]: unknown };
  annotations?: ToolAnnotations;
  icons?: unknown[];
  _meta?: unknown;
}
export interface ToolAnnotations {
  title?: string;
  readOnlyHint?: boolean;
  destructiveHint?: boolean;
  idempotentHint?: boolean;
  openWorldHint?: boolean;
}

export type Allow = { action: "allow"; note?: string; tags?: Record<string, string> };
export type Deny = { action: "deny"; reason: string; code?: "policy" | "rate_limit" | "invalid" };
/** UTF-16 units of the text that the hook received. */
export type Span = readonly [start: number, end: number, replacement?: string];
export type Redact = { action: "redact"; spans: readonly Span[]; tags?: Record<string, string> };
export type ModifyCall = {
  action: "modify";
  arguments: { [key: string]: unknown };
  note?: string;
};
export type ModifyResult = { action: "modify"; result: ToolResult; note?: string };
/** Rewords descriptions. Hiding is policy's job: what is hidden must also be refused. */
export type ModifyTools = {
  action: "modify";
  tools: Array<{ name: string; description?: string }>;
  note?: string;
};
type Soon<V> = V | Promise<V>;

export interface Plugin<C = unknown> {
  name: string;
  version: string;
  apiVersion?: 1;
  /** JSON Schema of `config`; checked when the gateway starts. */
  configSchema?: { [key: string]: unknown };
  /** What the plugin asks for; the start fails where the operator did not grant it. */
  permissions?: { kv?: "client" | "shared"; fetch?: string[] };
  /**
   * Checked before the sandbox is entered; `on` takes patterns `upstream/name`. With `keys` the text
   * that `onText` gets has the keys of arguments and of `structuredContent` too, each before its value.
   */
  match?: { methods?: string[]; on?: string[]; keys?: boolean };
  /** Once per load, synchronous, without host calls; each call starts from what it builds. */
  setup?: (config: C) => void;
  onToolCall?: (call: ToolCallParams, ctx: Ctx<C>) => Soon<Allow | Deny | ModifyCall>;
  onToolResult?: (
    result: ToolResult,
    ctx: Ctx<C> & { readonly call: ToolCallParams },
  ) => Soon<Allow | Deny | ModifyResult>;
  /** All human-readable text of one message as one string, its leaves joined by U+001E. */
  onText?: (
    text: string,
    ctx: Ctx<C> & {
      readonly direction: "to_client" | "to_server";
      readonly source:
        | "tool_result"
        | "resource"
        | "prompt"
        | "tool_description"
        | "input_request"
        | "tool_arguments";
    },
  ) => Soon<Allow | Deny | Redact>;
  onToolList?: (tools: Tool[], ctx: Ctx<C>) => Soon<Allow | ModifyTools>;
  onResourceRead?: (params: { uri: string }, ctx: Ctx<C>) => Soon<Allow | Deny>;
  onPromptGet?: (
    params: { name: string; arguments?: { [key: string]: string } },
    ctx: Ctx<C>,
  ) => Soon<Allow | Deny>;
  /** A server asks the client for something: sampling, elicitation, roots. */
  onInputRequest?: (
    request: { method: string; params?: unknown },
    ctx: Ctx<C>,
  ) => Soon<Allow | Deny>;
  /** Any other request of the client that policy allows. */
  onRequest?: (request: { method: string; params?: unknown }, ctx: Ctx<C>) => Soon<Allow | Deny>;
  /** After the exchange: it changes nothing, and its failures are only counted. */
  onAudit?: (
    event: { outcome: "ok" | "denied" | "error"; durationMs: number; decisions: unknown[] },
    ctx: Ctx<C>,
  ) => Soon<void>;
}

export function definePlugin<C = unknown>(plugin: Plugin<C>): Plugin<C> {
  return plugin;
}

export function allow(options: Omit<Allow, "action"> = {}): Allow {
  return { ...options, action: "allow" };
}

export function deny(reason: string, code?: Deny["code"]): Deny {
  return code === undefined ? { action: "deny", reason } : { action: "deny", reason, code };
}

export function redact(spans: readonly Span[], tags?: Record<string, string>): Redact {
  return tags === undefined ? { action: "redact", spans } : { action: "redact", spans, tags };
}
