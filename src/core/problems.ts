/** Every refusal this house can give: one row per code, with its status and number in each era. */
import { type Era, missingCapability } from "../mcp/index.ts";

export interface Problem {
  /** HTTP status where the message was refused before it was understood, or by era. */
  readonly status: { readonly [era in Era]: number };
  /** JSON-RPC error number by era. */
  readonly number: { readonly [era in Era]: number };
  /** What the client reads; it helps the honest and names nothing that is hidden. */
  readonly message: string;
  /** On `tools/call` the refusal is a tool result with `isError: true` that the model can read. */
  readonly asToolResult?: true;
  /** The deny's own `why` is safe and useful to the client, and replaces `message`. */
  readonly tellsWhy?: true;
}

const invalidRequest = -32600;
const methodNotFound = -32601;
const invalidParams = -32602;
const internalError = -32603;

function row(
  status: number | readonly [modern: number, legacy: number],
  number: number | readonly [modern: number, legacy: number],
  message: string,
  extra: Pick<Problem, "asToolResult" | "tellsWhy"> = {},
): Problem {
  const statuses = typeof status === "number" ? ([status, status] as const) : status;
  const numbers = typeof number === "number" ? ([number, number] as const) : number;
  return {
    status: { modern: statuses[0], legacy: statuses[1] },
    number: { modern: numbers[0], legacy: numbers[1] },
    message,
    ...extra,
  };
}

const toolResult = { asToolResult: true, tellsWhy: true } as const;
const tellsWhy = { tellsWhy: true } as const;

/** Numbers of our own lie outside -32768…-32000, as the specification asks (2026-07-28, basic). */
export const problems = {
  TOKEN_MISSING: row(401, -31001, "A bearer token is required"),
  TOKEN_INVALID: row(401, -31002, "The bearer token is not accepted"),
  TOKEN_EXPIRED: row(401, -31003, "The bearer token has expired"),
  CLIENT_UNKNOWN: row(403, -31004, "The caller is not a client of this gateway"),
  RIGHT_MISSING: row(403, -31033, "The operator may not do this"),
  ORIGIN_FORBIDDEN: row(403, -31005, "The origin is not allowed"),
  HOST_FORBIDDEN: row(403, -31006, "The host is not served here"),
  PATH_UNKNOWN: row(404, -31007, "There is no endpoint at this path"),
  HTTP_METHOD_UNSUPPORTED: row(405, -31008, "The HTTP method is not supported here"),
  MEDIA_UNSUPPORTED: row(415, -31009, "The content type must be application/json"),
  HEADERS_TOO_LARGE: row(431, -31010, "The request headers are too large"),
  BODY_TOO_LARGE: row(413, -31011, "The request body is too large"),
  BODY_TIMEOUT: row(408, -31012, "The request body did not arrive in time"),
  BODY_INVALID: row(400, -31034, "The request body is not what this endpoint takes"),
  RATE_EXCEEDED: row(429, -31013, "Too many requests, try again later"),
  CONCURRENCY_EXCEEDED: row(429, -31014, "Too many requests at once, try again later"),
  SESSION_REQUIRED: row(400, -31015, "Send initialize first, or the per-request _meta fields"),
  SESSION_UNKNOWN: row(404, -31016, "The session is not known, send initialize again"),
  MESSAGE_MALFORMED: row(400, invalidRequest, "The message is not a valid JSON-RPC message"),
  META_INCOMPLETE: row(400, invalidParams, "The request lacks a required _meta field"),
  CAPABILITY_MISSING: row(400, missingCapability, "The client lacks a capability for this"),
  METHOD_UNKNOWN: row([404, 200], methodNotFound, "The method is not known"),
  HEADER_MISMATCH: row(400, -32020, "The headers do not match the body", tellsWhy),
  REVISION_UNSUPPORTED: row(400, -32022, "Unsupported protocol version"),
  PARAMS_INVALID: row(200, invalidParams, "The parameters are not valid", tellsWhy),
  TARGET_UNKNOWN: row(200, invalidParams, "Unknown tool, resource or prompt"),
  CURSOR_INVALID: row(200, invalidParams, "The cursor is not valid"),
  STATE_INVALID: row(200, invalidParams, "The requestState is not valid for this request"),
  EVENT_UNKNOWN: row(404, -31032, "The event to go on after is not known, open a new stream"),
  RULE_DENIED: row(200, -31020, "A rule refuses this call", toolResult),
  RULE_FAILED: row(200, -31021, "A rule could not be decided", { asToolResult: true }),
  RULE_CONFLICT: row(200, -31022, "Two rules disagree about this call", { asToolResult: true }),
  ARGUMENTS_INVALID: row(200, invalidParams, "The arguments do not fit the schema", toolResult),
  APPROVAL_REQUIRED: row(200, -31037, "A person has to approve this call", tellsWhy),
  APPROVAL_REFUSED: row(200, -31038, "A person has refused this call"),
  INPUT_DENIED: row(200, -31023, "The server asked for input that is not granted"),
  PLUGIN_DENIED: row(200, -31024, "A plugin refuses this", toolResult),
  PLUGIN_FAILED: row(200, -31025, "A plugin could not decide this", { asToolResult: true }),
  UPSTREAM_UNAVAILABLE: row([502, 200], internalError, "The server is not available"),
  UPSTREAM_TIMEOUT: row([504, 200], internalError, "The server did not answer in time"),
  UPSTREAM_INVALID: row([502, 200], internalError, "The server gave an invalid answer"),
  RESPONSE_TOO_LARGE: row(200, -31027, "The answer is larger than allowed"),
  RESPONSE_WITHHELD: row(200, -31028, "The answer was withheld"),
  AUDIT_UNAVAILABLE: row(503, -31029, "The gateway cannot record this call"),
  BLOCK_UNKNOWN: row(404, -31035, "There is no such block"),
  BLOCKS_FULL: row(409, -31036, "There are as many blocks as there can be"),
  APPROVAL_UNKNOWN: row(404, -31039, "No call waits under this id"),
  APPROVAL_DECIDED: row(409, -31040, "The call was decided already"),
  STORE_UNAVAILABLE: row(503, -31030, "The gateway's state is not available"),
  DRAINING: row(503, -31031, "The gateway is shutting down"),
  INTERNAL: row(500, internalError, "Internal error"),
} as const satisfies Record<string, Problem>;

export type Code = keyof typeof problems;

/**
 * What the audit says where the outside hears `TARGET_UNKNOWN`: the two must look alike to a
 * caller, and the record tells them apart.
 */
export type InnerCode = Code | "POLICY_DENIED" | "BLOCKED" | "QUARANTINED";
