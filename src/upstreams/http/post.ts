/** Requests to an upstream's endpoint, and the one message of an answer that is no stream. */
import {
  type Cancellation,
  type Egress,
  EgressError,
  type EgressRequest,
  type EgressResponse,
  type Failure,
  failure,
} from "../../core/index.ts";
import { type JsonRpcMessage, StreamFault, decodeText } from "../../mcp/index.ts";
import { readMessage } from "../wire.ts";

export interface Endpoint {
  readonly url: string;
  readonly egress: Egress;
  /** Headers of the config, with secrets revealed; made anew for each request. */
  readonly headers: () => Readonly<Record<string, string>>;
}

export function post(
  endpoint: Endpoint,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: Cancellation,
  headersTimeoutMs: number,
): Promise<EgressResponse | Failure> {
  return request(endpoint, { method: "POST", body }, headers, signal, headersTimeoutMs);
}

/** Asks for an event stream, from behind the event `lastId` where that is given. */
export function get(
  endpoint: Endpoint,
  headers: Readonly<Record<string, string>>,
  lastId: string | undefined,
  signal: Cancellation,
  headersTimeoutMs: number,
): Promise<EgressResponse | Failure> {
  const all = lastId === undefined ? headers : { ...headers, "last-event-id": lastId };
  return request(endpoint, { method: "GET" }, all, signal, headersTimeoutMs);
}

async function request(
  endpoint: Endpoint,
  what: Pick<EgressRequest, "method" | "body">,
  headers: Readonly<Record<string, string>>,
  signal: Cancellation,
  headersTimeoutMs: number,
): Promise<EgressResponse | Failure> {
  const merged = mergeHeaders(endpoint, headers);
  if (merged === undefined) {
    return failure("UPSTREAM_UNAVAILABLE", "A configured header is not a valid header");
  }
  if (what.method !== "POST") delete merged["content-type"];
  const { url, egress } = endpoint;
  try {
    return await egress.request({ url, ...what, headers: merged, signal, headersTimeoutMs });
  } catch (error) {
    return toFailure(error);
  }
}

/** Ends a session (2025-11-25, streamable HTTP, session management). */
export function remove(
  endpoint: Endpoint,
  headers: Readonly<Record<string, string>>,
  signal: Cancellation,
  headersTimeoutMs: number,
): Promise<EgressResponse | Failure> {
  return request(endpoint, { method: "DELETE" }, headers, signal, headersTimeoutMs);
}

const ours = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
};

/** Printable Latin-1 and tabs: a line break would begin a header of its own. */
function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** Ours win over those of the config, however they are spelt. */
export function mergeHeaders(
  endpoint: Endpoint,
  headers: Readonly<Record<string, string>>,
): Record<string, string> | undefined {
  const merged: Record<string, string> = {};
  for (const source of [endpoint.headers(), headers, ours]) {
    for (const [name, value] of Object.entries(source)) {
      if (!isHeaderValue(value)) return undefined;
      merged[name.toLowerCase()] = value;
    }
  }
  return merged;
}

export function toFailure(error: unknown): Failure {
  if (error instanceof StreamFault) {
    return error.reason === "too-large"
      ? failure("RESPONSE_TOO_LARGE", "The answer is larger than the client may receive")
      : failure("UPSTREAM_INVALID", "The answer is not UTF-8");
  }
  if (error instanceof EgressError && error.reason === "timeout") {
    return failure("UPSTREAM_TIMEOUT", "No answer began in time");
  }
  if (error instanceof EgressError) {
    const why = `The upstream could not be asked: ${error.reason}`;
    const lost = failure("UPSTREAM_UNAVAILABLE", why);
    return error.reason === "unreachable" ? { ...lost, isUnreached: true } : lost;
  }
  return failure("UPSTREAM_UNAVAILABLE", "The connection broke");
}

/** The one message of a 200 answer that is no stream. */
export async function readJsonMessage(
  response: EgressResponse,
  maxBytes: number,
): Promise<JsonRpcMessage | Failure> {
  if (mediaType(response) !== "application/json") {
    return failure("UPSTREAM_INVALID", "The answer is neither JSON nor an event stream");
  }
  try {
    return readMessage(await readWhole(response, maxBytes));
  } catch (error) {
    return toFailure(error);
  }
}

export async function readWhole(response: EgressResponse, maxBytes: number): Promise<string> {
  const bytes = await response.read(maxBytes);
  if (bytes === undefined) throw new StreamFault("too-large", `The body exceeds ${maxBytes} bytes`);
  return decodeText(bytes);
}

export function isStream(response: EgressResponse): boolean {
  return mediaType(response) === "text/event-stream";
}

export function mediaType(response: EgressResponse): string {
  const type = response.headers.get("content-type") ?? "";
  return type.split(";", 1)[0]!.trim().toLowerCase();
}
