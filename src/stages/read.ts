import {
  type Caller,
  type Clock,
  type Counted,
  type Deny,
  type McpInput,
  type MessageTraits,
  type Stage,
  type Understood,
  deny,
  pass,
  withFact,
  utf8Length,
} from "../core/index.ts";
import {
  type JsonObject,
  type JsonRpcMessage,
  type MethodRow,
  type NotificationMessage,
  type RequestMessage,
  type ResponseMessage,
  isObject,
  legacyRevisions,
  member,
  methods,
  parseJson,
  stringOf,
  toJsonRpcMessage,
} from "../mcp/index.ts";
import type { Sessions } from "../sessions/index.ts";
import { readBody } from "./body.ts";
import { isDisguised } from "./disguise.ts";
import { takesStream } from "./accept.ts";
import { toCaller, toSessionCaller } from "./caller.ts";

export interface ReadSettings {
  /** The cap of each client's bodies, by its name. */
  readonly maxRequestBytes: (client: string) => number;
  readonly timeoutMs: number;
}

const jsonLimits = { maxDepth: 128, maxNodes: 100_000, strict: true };

/** What the message says, in which era; whether headers and body agree. */
export function read(
  settings: ReadSettings,
  sessions: Sessions,
  clock: Clock,
): Stage<Counted, Understood> {
  return {
    name: "read",
    run: async (exchange) => {
      const input = await understand(exchange);
      return "verdict" in input ? input : pass(withFact(exchange, { input }));
    },
  };

  async function understand(exchange: Counted): Promise<McpInput | Deny> {
    if (exchange.httpMethod === "DELETE") return toClose(exchange);
    if (exchange.httpMethod === "GET") return toStream(exchange);
    const maxBytes = settings.maxRequestBytes(exchange.client.name);
    const declared = Number(exchange.headers.get("content-length") ?? 0);
    if (declared > maxBytes) return deny("BODY_TOO_LARGE", `The body exceeds ${maxBytes} bytes`);
    const limits = { maxBytes, timeoutMs: settings.timeoutMs };
    const text = await readBody(exchange.body, limits, clock);
    if (typeof text !== "string") return text;
    const message = toMessage(text);
    if ("verdict" in message) return message;
    const bytes = utf8Length(text);
    if (message.kind === "response") return toResponse(exchange, message, bytes);
    const caller = await toCaller(exchange, message, sessions);
    if ("verdict" in caller) return { ...caller, about: toTraits(exchange, message) };
    const input = toInput(message, caller, bytes);
    if (!("verdict" in input)) return input;
    const id = message.kind === "request" ? message.id : undefined;
    return { ...input, about: { id, method: message.method, era: caller.era } };
  }

  /** Only legacy clients answer by a message of its own, in the session that they were asked in. */
  async function toResponse(
    exchange: Counted,
    { id, answer }: ResponseMessage,
    bytes: number,
  ): Promise<McpInput | Deny> {
    const unasked = deny("MESSAGE_MALFORMED", "The message answers nothing that was asked");
    if (id === undefined || exchange.headers.get("mcp-session-id") === null) return unasked;
    const caller = await toSessionCaller(exchange, sessions);
    return "verdict" in caller ? caller : { kind: "response", id, answer, caller, bytes };
  }

  async function toClose(exchange: Counted): Promise<McpInput | Deny> {
    const token = exchange.headers.get("mcp-session-id");
    if (token === null) return deny("SESSION_UNKNOWN", "No session to end is named");
    const caller = await toSessionCaller(exchange, sessions);
    return "verdict" in caller ? caller : { kind: "close", token, caller, bytes: 0 };
  }

  async function toStream(exchange: Counted): Promise<McpInput | Deny> {
    if (!takesStream(exchange.headers)) {
      // It is this or a stream (2025-11-25, streamable HTTP, listening for messages).
      return deny("HTTP_METHOD_UNSUPPORTED", "A GET gives a stream, which is not accepted", {
        headers: { allow: "POST, DELETE" },
      });
    }
    const caller = await toSessionCaller(exchange, sessions);
    if ("verdict" in caller) return caller;
    const after = exchange.headers.get("last-event-id") ?? undefined;
    return { kind: "stream", after, caller, bytes: 0 };
  }
}

function toInput(
  message: RequestMessage | NotificationMessage,
  caller: Caller,
  bytes: number,
): McpInput | Deny {
  const row = methods.get(message.method);
  if (row === undefined || row.kind !== message.kind || !row.eras.includes(caller.era)) {
    return unknownMethod(message, caller.era);
  }
  if (message.kind === "notification") return { ...message, caller, bytes };
  const asks = row.asks === true;
  const fault = inputFault(message.params, row.does.what, asks && caller.era === "modern");
  return fault ?? { ...message, does: row.does, asks, caller, bytes };
}

/** Answers to input are given where input can be asked for; elsewhere they are forged. */
function inputFault(
  params: JsonObject | undefined,
  what: MethodRow["does"]["what"],
  mayRetry: boolean,
): Deny | undefined {
  const responses = member(params, "inputResponses");
  const state = member(params, "requestState");
  if (responses === undefined && state === undefined) return undefined;
  // A task is answered by its id, any other call by its state.
  const mayAnswer = mayRetry || (what === "task" && state === undefined);
  if (!mayAnswer) {
    return deny("PARAMS_INVALID", "The request answers input that nobody asked for");
  }
  if (state !== undefined && stringOf(state) === undefined) {
    return deny("PARAMS_INVALID", "requestState is no string");
  }
  return responses === undefined || isObject(responses)
    ? undefined
    : deny("PARAMS_INVALID", "inputResponses is no object");
}

function toMessage(text: string): JsonRpcMessage | Deny {
  const parsed = parseJson(text, jsonLimits);
  if (!parsed.ok) {
    const why = `The JSON has a fault at ${parsed.at}: ${parsed.fault}`;
    return deny("MESSAGE_MALFORMED", why, { number: parsed.fault === "syntax" ? -32700 : -32600 });
  }
  const message = toJsonRpcMessage(parsed.json);
  if ("fault" in message) return deny("MESSAGE_MALFORMED", `The message ${message.fault}`);
  if (message.kind === "response") return message;
  return isDisguised(message.params)
    ? deny("MESSAGE_MALFORMED", "A parameter is in the wrong case")
    : message;
}

/** A guess at the era of a message whose own word for it was not accepted. */
function toTraits(exchange: Counted, message: RequestMessage | NotificationMessage): MessageTraits {
  const revision = exchange.headers.get("mcp-protocol-version");
  const isLegacy =
    revision === null
      ? message.method === "initialize" || exchange.headers.get("mcp-session-id") !== null
      : legacyRevisions.includes(revision);
  const id = message.kind === "request" ? message.id : undefined;
  return { id, method: message.method, era: isLegacy ? "legacy" : "modern" };
}

function unknownMethod(message: RequestMessage | NotificationMessage, era: string): Deny {
  const why = `The ${era} era has no such ${message.kind}`;
  return deny(message.kind === "request" ? "METHOD_UNKNOWN" : "MESSAGE_MALFORMED", why);
}
