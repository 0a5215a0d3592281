/** What a line says, as far as the way to send it depends on it; the gateway judges it itself. */
import {
  type IdText,
  type JsonObject,
  at,
  metaKeys,
  parseJson,
  stringOf,
  textOf,
  member,
  toJsonRpcMessage,
} from "../mcp/index.ts";

export interface Spoken {
  readonly kind: "request" | "notification";
  readonly method: string;
  readonly params: JsonObject | undefined;
  /** Of a request. */
  readonly id: IdText | undefined;
  /** The revision that a modern message carries; undefined for a legacy one. */
  readonly revision: string | undefined;
}
/** A response goes on in its session; what cannot be read is sent all the same, to be refused and recorded. */
export type Said = Spoken | { readonly kind: "response" } | { readonly kind: "unread" };

export function readLine(text: string): Said {
  const parsed = parseJson(text);
  const message = parsed.ok ? toJsonRpcMessage(parsed.json) : undefined;
  if (message === undefined || "fault" in message) return { kind: "unread" };
  if (message.kind === "response") return { kind: "response" };
  const { kind, method, params } = message;
  const revision = stringOf(at(params, "_meta", metaKeys.protocolVersion));
  const id = message.kind === "request" ? message.id : undefined;
  return { kind, method, params, id, revision };
}

/** The request that a `notifications/cancelled` is about. */
export function cancelledId({ params }: Spoken): IdText | undefined {
  const id = member(params, "requestId");
  return id && textOf(id);
}
