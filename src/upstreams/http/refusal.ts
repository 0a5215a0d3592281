/** What an answer means that is no 200. */
import { type EgressResponse, type Failure, failure } from "../../core/index.ts";
import { type ErrorMessage, StreamFault } from "../../mcp/index.ts";
import { isModernError } from "../facts.ts";
import { mediaType, readWhole, toFailure } from "./post.ts";
import { type Stale, isFailure } from "../link.ts";
import { readMessage } from "../wire.ts";

/** Bytes that are read of an answer that only says that something went wrong. */
const MAX_ERROR_BYTES = 65_536;

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
  if (!isAboutUs(status)) {
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

/** Whether a refusal speaks of what was asked; any other may pass by itself. */
export function isAboutUs(status: number): boolean {
  return status >= 400 && status < 500 && !notAboutUs.has(status);
}

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
