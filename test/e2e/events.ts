/** Reads event streams of a gateway, and speaks to it as a legacy client does. */
import { EventSourceParserStream } from "eventsource-parser/stream";
import { tokenA } from "./gateway.ts";

/** The members of a message that tests look at. */
export interface StreamMessage {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Record<string, unknown> & {
    readonly uri?: string;
    readonly level?: string;
    readonly progressToken?: unknown;
    readonly _meta?: Record<string, unknown>;
  };
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly data?: { readonly code?: string } };
}
export interface StreamEvent {
  readonly id: string | undefined;
  readonly message: StreamMessage;
}
export interface EventStream {
  readonly response: Response;
  /** Undefined when the stream has ended. */
  readonly next: () => Promise<StreamEvent | undefined>;
  /** All that comes until the end. */
  readonly rest: () => Promise<StreamEvent[]>;
  /** Closes the connection. */
  readonly leave: () => void;
}

export const streamAccept = { accept: "application/json, text/event-stream" };

export async function openEvents(
  url: string,
  init: { method?: string; headers?: Record<string, string>; body?: string },
  token = tokenA,
): Promise<EventStream> {
  const leaving = new AbortController();
  const headers = { ...streamAccept, authorization: `Bearer ${token}`, ...init.headers };
  const response = await fetch(url, { ...init, headers, signal: leaving.signal });
  const isStream = response.headers.get("content-type") === "text/event-stream";
  const reader = isStream
    ? response.body
        ?.pipeThrough(new TextDecoderStream())
        .pipeThrough(new EventSourceParserStream())
        .getReader()
    : undefined;
  const next = async (): Promise<StreamEvent | undefined> => {
    if (reader === undefined) throw new Error(`No event stream: ${await response.text()}`);
    const { value } = await reader.read();
    return value && { id: value.id, message: JSON.parse(value.data) as StreamMessage };
  };
  const rest = async (): Promise<StreamEvent[]> => {
    const all: StreamEvent[] = [];
    for (let event = await next(); event !== undefined; event = await next()) all.push(event);
    return all;
  };
  return { response, next, rest, leave: () => leaving.abort() };
}

/** The body of a legacy message; a notification where `id` is null. */
export function legacyBody(method: string, params: object = {}, id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: "2.0", ...(id === null ? {} : { id }), method, params });
}

export interface RawSession {
  readonly headers: Record<string, string>;
  readonly greeting: Record<string, unknown>;
  /** Posts a message and gives its answer, whichever way it came. */
  readonly send: (method: string, params?: object, id?: unknown) => Promise<RawAnswer>;
  /** Posts a message and reads its answer as a stream. */
  readonly stream: (method: string, params?: object, id?: unknown) => Promise<EventStream>;
  /** The session's own stream. */
  readonly listen: (headers?: Record<string, string>) => Promise<EventStream>;
  readonly end: () => Promise<Response>;
}
export interface RawAnswer {
  readonly status: number;
  /** The messages that came, the answer last. */
  readonly messages: readonly StreamMessage[];
  readonly last: StreamMessage;
}

/** `path` is the endpoint's, such as `/mcp`. */
export async function openSession(
  url: string,
  options: { path?: string; token?: string; revision?: string; capabilities?: object } = {},
): Promise<RawSession> {
  const { path = "/mcp", token = tokenA, revision = "2025-11-25", capabilities = {} } = options;
  const endpoint = `${url}${path}`;
  const posted = (body: string, headers: Record<string, string>): Promise<EventStream> =>
    openEvents(
      endpoint,
      { method: "POST", body, headers: { "content-type": "application/json", ...headers } },
      token,
    );
  const initialize = {
    protocolVersion: revision,
    capabilities,
    clientInfo: { name: "t", version: "1" },
  };
  const { response } = await posted(legacyBody("initialize", initialize, 0), {});
  const headers = { "mcp-session-id": response.headers.get("mcp-session-id") ?? "" };
  const { result } = (await response.json()) as StreamMessage;
  const stream = (method: string, params: object = {}, id: unknown = 1): Promise<EventStream> =>
    posted(legacyBody(method, params, id), headers);
  await stream("notifications/initialized", {}, null);
  return {
    headers,
    greeting: result ?? {},
    stream,
    send: async (method, params = {}, id = 1) => {
      const opened = await stream(method, params, id);
      const { status } = opened.response;
      const isStream = opened.response.headers.get("content-type") === "text/event-stream";
      const text = isStream ? "" : await opened.response.text();
      const messages = isStream
        ? (await opened.rest()).map(({ message }) => message)
        : [text === "" ? {} : (JSON.parse(text) as StreamMessage)];
      return { status, messages, last: messages.at(-1) ?? {} };
    },
    listen: (extra = {}) => openEvents(endpoint, { headers: { ...headers, ...extra } }, token),
    end: () =>
      fetch(endpoint, {
        method: "DELETE",
        headers: { ...headers, authorization: `Bearer ${token}` },
      }),
  };
}
