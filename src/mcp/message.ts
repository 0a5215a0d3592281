/** JSON-RPC 2.0 messages as MCP uses them, each part with its exact bytes. */
import { type Json, type JsonObject, isObject, member, stringOf, textOf } from "./json.ts";

/** A JSON-RPC id as it was spelt: `7`, `"7"`. Two ids are one when their texts are equal. */
export type IdText = string;

export interface RequestMessage {
  readonly kind: "request";
  readonly id: IdText;
  readonly method: string;
  readonly params: JsonObject | undefined;
}
export interface NotificationMessage {
  readonly kind: "notification";
  readonly method: string;
  readonly params: JsonObject | undefined;
}
export interface ResultMessage {
  readonly kind: "result";
  readonly result: JsonObject;
}
export interface ErrorMessage {
  readonly kind: "error";
  readonly code: number;
  readonly message: string;
  /** How `message` was spelt, where that is not the plain way; counts only while it says the same. */
  readonly messageText?: string;
  readonly data: Json | undefined;
}
/** An answer to a request that the other side sent, with the id it was sent under. */
export interface ResponseMessage {
  readonly kind: "response";
  readonly id: IdText | undefined;
  readonly answer: ResultMessage | ErrorMessage;
}
/** What flows from a server to a client in answer to one request. */
export type McpMessage = NotificationMessage | ResultMessage | ErrorMessage;
export type JsonRpcMessage = RequestMessage | NotificationMessage | ResponseMessage;

/** Keys of the envelope; a key that only looks like one of them is a fault. */
const envelopeKeys = new Set(["jsonrpc", "id", "method", "params", "result", "error"]);

/**
 * Reads a JSON value as one JSON-RPC message, or says in a few words what is wrong with it.
 * Batches, null ids, fractional ids, members of the wrong type and a result beside an error are
 * faults, and so is a key that equals a known one only when case is ignored: a reader that folds
 * case would see another message than this one (CVE-2026-27896).
 */
export function toJsonRpcMessage(json: Json): JsonRpcMessage | { readonly fault: string } {
  if (!isObject(json)) return { fault: json.node.type === "array" ? "is a batch" : "is no object" };
  for (const { key } of json.node.members) {
    if (!envelopeKeys.has(key) && envelopeKeys.has(foldCase(key))) {
      return { fault: "has a key in the wrong case" };
    }
  }
  if (stringOf(member(json, "jsonrpc")) !== "2.0") return { fault: 'is not JSON-RPC "2.0"' };
  const method = member(json, "method");
  const id = idOf(json);
  if (id !== undefined && !isId(id)) {
    return { fault: "has an id that is neither integer nor string" };
  }
  if (method === undefined) return toResponse(json, id);
  const name = stringOf(method);
  if (name === undefined) return { fault: "has a method that is no string" };
  if (member(json, "result") || member(json, "error")) return { fault: "is request and response" };
  const params = member(json, "params");
  if (params !== undefined && !isObject(params)) return { fault: "has params that are no object" };
  return id === undefined
    ? { kind: "notification", method: name, params }
    : { kind: "request", id: textOf(id), method: name, params };
}

function toResponse(json: JsonObject, id: Json | undefined): ResponseMessage | { fault: string } {
  const result = member(json, "result");
  const error = member(json, "error");
  if (result !== undefined && error !== undefined) return { fault: "has result and error" };
  const idText = id && textOf(id);
  if (result !== undefined) {
    if (!isObject(result)) return { fault: "has a result that is no object" };
    return { kind: "response", id: idText, answer: { kind: "result", result } };
  }
  const code = member(error, "code");
  const said = member(error, "message");
  const message = stringOf(said);
  if (!code || !isIntegerText(textOf(code)) || !said || message === undefined) {
    return { fault: "has neither method, result nor error" };
  }
  const data = member(error, "data");
  const plain = { kind: "error", code: Number(textOf(code)), message, data } as const;
  const messageText = textOf(said);
  const isPlain = messageText === JSON.stringify(message);
  return { kind: "response", id: idText, answer: isPlain ? plain : { ...plain, messageText } };
}

/** Whoever changes `message` need not know how it was spelt. */
function toMessageText({ message, messageText }: ErrorMessage): string {
  const isSame = messageText !== undefined && JSON.parse(messageText) === message;
  return isSame ? messageText : JSON.stringify(message);
}

/** Servers answer what they could not read with `"id": null`, as JSON-RPC asks: an error without id. */
function idOf(json: JsonObject): Json | undefined {
  const id = member(json, "id");
  const isUnreadable = member(json, "error") !== undefined && member(json, "method") === undefined;
  return id?.node.type === "null" && isUnreadable ? undefined : id;
}

function isId(json: Json): boolean {
  return json.node.type === "string" || isIntegerText(textOf(json));
}

function isIntegerText(text: string): boolean {
  return /^-?\d{1,20}$/.test(text);
}

/** Lower case by Unicode, with the letters that only fold to ASCII (U+017F, U+212A) folded too. */
export function foldCase(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

/** The text of a message for the wire; `id` is the one that is answered, a request has its own. */
export function toWire(message: McpMessage | RequestMessage, id: IdText): string {
  if (message.kind === "result") {
    return `{"jsonrpc":"2.0","id":${id},"result":${textOf(message.result)}}`;
  }
  if (message.kind === "error") {
    const data = message.data ? `,"data":${textOf(message.data)}` : "";
    const text = toMessageText(message);
    return `{"jsonrpc":"2.0","id":${id},"error":{"code":${message.code},"message":${text}${data}}}`;
  }
  const params = message.params ? `,"params":${textOf(message.params)}` : "";
  const idPart = message.kind === "request" ? `,"id":${message.id}` : "";
  return `{"jsonrpc":"2.0"${idPart},"method":${JSON.stringify(message.method)}${params}}`;
}
