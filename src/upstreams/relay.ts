/** What of an upstream's answer reaches the caller: its own progress, the log it asked for, one end. */
import { type Failure, failure } from "../core/index.ts";
import {
  type ErrorMessage,
  type NotificationMessage,
  type ResultMessage,
  isObject,
  member,
  replace,
  spliced,
  stringOf,
  textOf,
} from "../mcp/index.ts";
import { quote } from "./foreign.ts";
import type { UpstreamCaller } from "./link.ts";

/** RFC 5424, least severe first, as MCP names them. */
const severities = [
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
];

export interface Tokens {
  /** The caller's progress token, as JSON text. */
  readonly callers: string;
  /** Ours for this call, as JSON text. */
  readonly ours: string;
}

/** Our own token is of the caller's type: a server may know what to do with only one of them. */
export function toTokens(request: {
  readonly params: ResultMessage["result"] | undefined;
  readonly id: number;
}): Tokens | undefined {
  const token = member(member(request.params, "_meta"), "progressToken");
  if (token?.node.type === "string") return { callers: textOf(token), ours: `"gw-${request.id}"` };
  if (token?.node.type === "number") return { callers: textOf(token), ours: String(request.id) };
  return undefined;
}

/** The notification as the caller knows it, or undefined where it is not for the caller. */
export function relayNotification(
  message: NotificationMessage,
  { caller }: UpstreamCaller,
  tokens: Tokens | undefined,
): NotificationMessage | undefined {
  const { params } = message;
  if (message.method === "notifications/progress") {
    const token = member(params, "progressToken");
    if (!tokens || !token || !params || textOf(token) !== tokens.ours) return undefined;
    const renamed = spliced(params, [replace(token, tokens.callers)]);
    return isObject(renamed) ? { ...message, params: renamed } : undefined;
  }
  if (message.method !== "notifications/message") return undefined;
  if (caller.era === "legacy") return message;
  const wanted = severities.indexOf(caller.logLevel ?? "");
  const severity = severities.indexOf(stringOf(member(params, "level")) ?? "");
  return wanted >= 0 && severity >= wanted ? message : undefined;
}

/**
 * An end that asks the client for input, which nothing grants, becomes a failure, and so does one of
 * a type we do not know: a client could take it for such a question.
 */
export function refuseInput(
  last: ResultMessage | ErrorMessage | Failure,
): ResultMessage | ErrorMessage | Failure {
  if (last.kind === "result") return refuseResult(last);
  if (last.kind === "error" && (last.code === -32021 || last.code === -32042)) {
    return failure("INPUT_DENIED", `The upstream needs what is not granted (${last.code})`);
  }
  return last;
}

function refuseResult(last: ResultMessage): ResultMessage | Failure {
  const type = member(last.result, "resultType");
  const name = stringOf(type);
  if (name === "input_required" || member(last.result, "inputRequests") !== undefined) {
    return failure("INPUT_DENIED", "The upstream asks the client for input");
  }
  if (type === undefined || name === "complete") return last;
  const shown = quote(name ?? textOf(type), 80);
  return failure("UPSTREAM_INVALID", `The result is of the unknown type "${shown}"`);
}
