/** Puts the end of an exchange into words for the one who listens, in the dialect of its era. */
import {
  type AnswerMessage,
  type Code,
  type Deny,
  type MessageTraits,
  type Problem,
  problems,
} from "../core/index.ts";
import {
  type Era,
  type IdText,
  missingCapability,
  toEraErrorCode,
  toLegacyResult,
  toWire,
} from "../mcp/index.ts";

/** Who listens: what an error or result has to look like for this message. */
export interface Listener {
  readonly era: Era;
  readonly revision: string;
  readonly method: string;
  readonly id: IdText;
  /** The gateway's id of the exchange, told in errors so that the record can be found. */
  readonly requestId: string;
}

export interface Wire {
  readonly status: number;
  readonly text: string;
}

/** A refusal, as the era and method ask for it. */
export interface Refusal {
  readonly code: Code;
  readonly why: string;
  readonly number?: number | undefined;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/** A message that answers a request, or goes before its answer. */
export function toText(message: AnswerMessage, listener: Listener): Wire {
  if (message.kind === "failure") {
    return toRefusal({ ...message, data: message.refused?.data }, listener);
  }
  if (message.kind === "error") {
    const code = toEraErrorCode(message.code, listener.era);
    const status = code === missingCapability ? problems.CAPABILITY_MISSING.status.modern : 200;
    return { status, text: toWire({ ...message, code }, listener.id) };
  }
  if (message.kind === "result" && listener.era === "legacy") {
    const result = toLegacyResult(listener.method, message.result);
    return { status: 200, text: `{"jsonrpc":"2.0","id":${listener.id},"result":${result}}` };
  }
  return { status: 200, text: toWire(message, listener.id) };
}

/**
 * A refusal as a JSON-RPC error; or as a tool result that the model can read, where the code says
 * so and the revision knows it (arguments that do not fit are an error before 2025-11-25).
 */
export function toRefusal(refusal: Refusal, listener: Listener): Wire {
  const problem: Problem = problems[refusal.code];
  const message = problem.tellsWhy ? refusal.why : problem.message;
  const isResult =
    problem.asToolResult === true &&
    listener.method === "tools/call" &&
    (refusal.code !== "ARGUMENTS_INVALID" || listener.revision >= "2025-11-25");
  if (isResult) return { status: 200, text: toToolResult(refusal.code, message, listener) };
  const { id, requestId } = listener;
  const number = toNumber(refusal, problem, listener);
  return {
    status: problem.status[listener.era],
    text: toErrorText(id, number, message, { code: refusal.code, requestId, ...refusal.data }),
  };
}

/** A message that was refused while it was read: with its id where that is known. */
export function toReadRefusal(
  denied: Deny,
  traits: MessageTraits | undefined,
  requestId: string,
): Wire {
  const problem: Problem = problems[denied.code];
  const era = traits?.era ?? "modern";
  const message = problem.tellsWhy ? denied.why : problem.message;
  const number = denied.number ?? problem.number[era];
  const data = { code: denied.code, requestId, ...denied.data };
  return { status: problem.status[era], text: toErrorText(traits?.id, number, message, data) };
}

/** Before the body is read there is no message to answer: RFC 9457. */
export function toProblemText(code: Code, requestId: string): Wire {
  const { status, message }: Problem = problems[code];
  const body = { type: "about:blank", title: message, status: status.modern, code, requestId };
  return { status: status.modern, text: JSON.stringify(body) };
}

/** In the legacy era a missing resource has a number of its own (2025-11-25, resources). */
function toNumber(refusal: Refusal, problem: Problem, { era, method }: Listener): number {
  if (refusal.number !== undefined) return refusal.number;
  const isMissing = refusal.code === "TARGET_UNKNOWN" && method === "resources/read";
  return isMissing && era === "legacy" ? -32002 : problem.number[era];
}

function toErrorText(
  id: IdText | undefined,
  code: number,
  message: string,
  data: Readonly<Record<string, unknown>>,
): string {
  const idPart = id === undefined ? "" : `,"id":${id}`;
  const error = { code, message: message.slice(0, 1_000), data };
  return `{"jsonrpc":"2.0"${idPart},"error":${JSON.stringify(error)}}`;
}

function toToolResult(code: Code, text: string, { id, era, requestId }: Listener): string {
  const result = {
    content: [{ type: "text", text: `${code}: ${text}` }],
    isError: true,
    ...(era === "modern" ? { resultType: "complete" } : {}),
    _meta: { "mcp-gw/code": code, "mcp-gw/requestId": requestId },
  };
  return `{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(result)}}`;
}
