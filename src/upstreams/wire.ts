/** Our envelope on the way up, and what may come back down, whatever the transport. */
import { type Failure, failure } from "../core/index.ts";
import {
  type ErrorMessage,
  type JsonObject,
  type JsonRpcMessage,
  type NotificationMessage,
  latestModern,
  parseJson,
  reread,
  toJsonRpcMessage,
  toLegacyText,
  toModernText,
  toWire,
} from "../mcp/index.ts";
import { quote } from "./foreign.ts";
import type { LinkCall } from "./link.ts";

/** The gateway as upstreams see it, as JSON text. */
export type ClientInfo = string;

export function toClientInfo(version: string): ClientInfo {
  return JSON.stringify({ name: "mcp-gw", version });
}

/** The text of a call's parameters for a modern upstream. */
export function toModernCall(
  call: Pick<LinkCall, "capabilities" | "params" | "logLevel" | "progressToken">,
  clientInfo: ClientInfo,
): string {
  const { capabilities, params, logLevel, progressToken } = call;
  const revision = latestModern;
  return toModernText(params, {
    revision,
    clientInfo,
    capabilities,
    logLevel,
    progressToken,
  });
}

/** The text of a call's parameters for a legacy upstream. */
export function toLegacyCall(call: LinkCall): string | undefined {
  return toLegacyText(call.params, call.progressToken);
}

export function toRequestText(id: number, method: string, params: string | undefined): string {
  const rest = params === undefined ? "" : `,"params":${params}`;
  return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}${rest}}`;
}

/** A message as one line: JSON text has line breaks only between its tokens. */
export function toLine(text: string): string {
  return /[\r\n]/.test(text) ? `${text.replaceAll(/[\r\n]+/g, " ")}\n` : `${text}\n`;
}

export function toNotificationText(method: string, params?: JsonObject): string {
  return toWire({ kind: "notification", method, params }, "");
}

export function toCancelText(id: number): string {
  return toNotificationText("notifications/cancelled", asObject(`{"requestId":${id}}`));
}

/** `initialize` as the newest legacy revision has it. */
export function toInitializeText(
  id: number,
  revision: string,
  capabilities: string,
  clientInfo: ClientInfo,
): string {
  const params = `{"protocolVersion":"${revision}","capabilities":${capabilities},"clientInfo":${clientInfo}}`;
  return toRequestText(id, "initialize", params);
}

/** The answer to what no server may ask, or this one may not: it may know that we live, and no more. */
export function toRefusalText(id: string, method: string): string {
  if (method === "ping") return `{"jsonrpc":"2.0","id":${id},"result":{}}`;
  const error: ErrorMessage = {
    kind: "error",
    code: -32601,
    message: "Method not found",
    data: undefined,
  };
  return toWire(error, id);
}

export function asObject(text: string): JsonObject {
  return reread(text) as JsonObject;
}

/** One message of an upstream, or what is wrong with it. */
export function readMessage(text: string): JsonRpcMessage | Failure {
  const parsed = parseJson(text);
  if (!parsed.ok) {
    return failure("UPSTREAM_INVALID", `A message is not exact JSON: ${parsed.fault}`);
  }
  const message = toJsonRpcMessage(parsed.json);
  return "fault" in message
    ? failure("UPSTREAM_INVALID", `A message ${quote(message.fault)}`)
    : message;
}

const changes = new Map([
  ["notifications/tools/list_changed", "tools"],
  ["notifications/resources/list_changed", "resources"],
  ["notifications/prompts/list_changed", "prompts"],
] as const);

/** Which lists a notification says have changed. */
export function changedList(
  message: NotificationMessage,
): "tools" | "resources" | "prompts" | undefined {
  return (changes as ReadonlyMap<string, "tools" | "resources" | "prompts">).get(message.method);
}
