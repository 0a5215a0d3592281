/** Which of an upstream's notifications reach the caller: its own progress, and the log it asked for. */
import {
  type NotificationMessage,
  type ResultMessage,
  isObject,
  member,
  replace,
  severities,
  spliced,
  stringOf,
  textOf,
} from "../mcp/index.ts";
import type { UpstreamCaller } from "./link.ts";

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
  // A legacy server decides by itself what it logs until it is told (2025-11-25, logging).
  if (caller.era === "legacy" && caller.logLevel === undefined) return message;
  const wanted = severities.indexOf(caller.logLevel ?? "");
  const severity = severities.indexOf(stringOf(member(params, "level")) ?? "");
  return wanted >= 0 && severity >= wanted ? message : undefined;
}
