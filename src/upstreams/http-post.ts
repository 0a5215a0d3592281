/** One POST to an upstream's endpoint, and the messages that come back for it. */
import {
  type Cancellation,
  type Egress,
  EgressError,
  type EgressResponse,
  type Failure,
  failure,
} from "../core/index.ts";
import {
  type ErrorMessage,
  type JsonRpcMessage,
  StreamFault,
  readEvents,
  decodeText,
} from "../mcp/index.ts";
import { isModernError } from "./facts.ts";
import { type Stale, isFailure } from "./link.ts";
import { readMessage } from "./wire.ts";

/** Bytes that are read of an answer that only says that something went wrong. */
const MAX_ERROR_BYTES = 65_536;

export interface Endpoint {
  readonly url: string;
  readonly egress: Egress;
  /** Headers of the config, with secrets revealed; made anew for each request. */
  readonly headers: () => Readonly<Record<string, string>>;
}

export async function post(
  endpoint: Endpoint,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: Cancellation,
  headersTimeoutMs: number,
): Promise<EgressResponse | Failure> {
  const merged = mergeHeaders(endpoint, headers);
  if (merged === undefined) {
    return failure("UPSTREAM_UNAVAILABLE", "A configured header is not a valid header");
  }
  try {
    return await endpoint.egress.request({
      url: endpoint.url,
      method: "POST",
      headers: merged,
      body,
      signal,
      headersTimeoutMs,
    });
  } catch (error) {
    return toFailure(error);
  }
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
    return failure("UPSTREAM_UNAVAILABLE", `The upstream could not be asked: ${error.reason}`);
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

/** The messages of an event stream, which ends where the upstream ends it; a bad one is a failure. */
export async function* readEventMessages(
  response: EgressResponse,
  maxBytes: number,
): AsyncGenerator<JsonRpcMessage | Failure> {
  try {
    const limits = { maxEventBytes: maxBytes, maxBytes };
    for await (const { event, data } of readEvents(response.body, limits)) {
      if ((event !== undefined && event !== "message") || data === "") continue;
      yield readMessage(data);
    }
  } catch (error) {
    yield toFailure(error);
  }
}

async function readWhole(response: EgressResponse, maxBytes: number): Promise<string> {
  const bytes = await response.read(maxBytes);
  if (bytes === undefined) throw new StreamFault("too-large", `The body exceeds ${maxBytes} bytes`);
  return decodeText(bytes);
}

/** What an answer that is no 200 says: a JSON-RPC error to our request, or only its status. */
export interface Refused {
  readonly kind: "refused";
  readonly status: number;
  readonly error: ErrorMessage | undefined;
}

/** Reads a 4xx that may be about our message; every other status is a failure. */
export async function readRefusal(
  response: EgressResponse,
  id: number,
): Promise<Refused | Failure> {
  const { status } = response;
  const aboutUs = status >= 400 && status < 500 && !notAboutUs.has(status);
  if (!aboutUs) {
    response.cancel();
    return failure("UPSTREAM_UNAVAILABLE", statusWhy(status));
  }
  if (mediaType(response) !== "application/json") {
    response.cancel();
    return { kind: "refused", status, error: undefined };
  }
  try {
    const text = await readWhole(response, MAX_ERROR_BYTES);
    return { kind: "refused", status, error: readError(text, id) };
  } catch (error) {
    if (!(error instanceof StreamFault)) return toFailure(error);
    return { kind: "refused", status, error: undefined };
  } finally {
    response.cancel();
  }
}

/** Statuses that speak of credentials, load or the way here, and never of the era. */
const notAboutUs = new Set([401, 403, 407, 408, 425, 429]);

/**
 * What a refusal without a readable error says of a call: an upstream whose era has changed answers
 * 400, 404 or 405 (2026-07-28, streamable HTTP, backward compatibility). Any other status may come
 * of the call itself, which is then not to be sent twice.
 */
export function toEnd({ status, error }: Refused): ErrorMessage | Failure | Stale {
  if (error !== undefined) return error;
  if (status !== 400 && status !== 404 && status !== 405) {
    return failure("UPSTREAM_UNAVAILABLE", statusWhy(status));
  }
  return { kind: "stale", why: statusWhy(status) };
}

function statusWhy(status: number): string {
  return status >= 300 && status < 400
    ? `The upstream answered with a redirect (${status}), which is never followed`
    : `The upstream answered with HTTP status ${status}`;
}

/** A modern error may come without our id: its headers were refused before the body was read. */
function readError(text: string, id: number): ErrorMessage | undefined {
  const message = readMessage(text);
  if (isFailure(message) || message.kind !== "response" || message.answer.kind !== "error") {
    return undefined;
  }
  const { answer } = message;
  const isOurs = message.id === String(id);
  return isOurs || (message.id === undefined && isModernError(answer.code)) ? answer : undefined;
}

export function isStream(response: EgressResponse): boolean {
  return mediaType(response) === "text/event-stream";
}

function mediaType(response: EgressResponse): string {
  const type = response.headers.get("content-type") ?? "";
  return type.split(";", 1)[0]!.trim().toLowerCase();
}
