import {
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
  type Json,
  type JsonRpcMessage,
  type NotificationMessage,
  type RequestMessage,
  decisiveParams,
  foldCase,
  isObject,
  legacyRevisions,
  member,
  methods,
  parseJson,
  toJsonRpcMessage,
} from "../mcp/index.ts";
import type { Sessions } from "../sessions/index.ts";
import { readBody } from "./body.ts";
import { toCaller } from "./caller.ts";

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
    const maxBytes = settings.maxRequestBytes(exchange.client.name);
    const declared = Number(exchange.headers.get("content-length") ?? 0);
    if (declared > maxBytes) return deny("BODY_TOO_LARGE", `The body exceeds ${maxBytes} bytes`);
    const limits = { maxBytes, timeoutMs: settings.timeoutMs };
    const text = await readBody(exchange.body, limits, clock);
    if (typeof text !== "string") return text;
    const message = toMessage(text);
    if ("verdict" in message) return message;
    const input = await toInput(exchange, message, utf8Length(text));
    return "verdict" in input ? { ...input, about: toTraits(exchange, message) } : input;
  }

  async function toInput(
    exchange: Counted,
    message: RequestMessage | NotificationMessage,
    bytes: number,
  ): Promise<McpInput | Deny> {
    const caller = await toCaller(exchange, message, sessions);
    if ("verdict" in caller) return caller;
    const row = methods.get(message.method);
    if (row === undefined || row.kind !== message.kind || !row.eras.includes(caller.era)) {
      return unknownMethod(message, caller.era);
    }
    if (message.kind === "notification") return { ...message, caller, bytes };
    if (answersNothing(message)) {
      return deny("PARAMS_INVALID", "The request answers input that nobody asked for");
    }
    return { ...message, does: row.does, caller, bytes };
  }

  async function toClose(exchange: Counted): Promise<McpInput | Deny> {
    const token = exchange.headers.get("mcp-session-id");
    const session = token === null ? undefined : await sessions.find(token, exchange.client);
    if (token === null || session === undefined) {
      return deny("SESSION_UNKNOWN", "The session to end is not known");
    }
    const { id, revision } = session;
    const caller = { era: "legacy", revision, session: id } as const;
    const nothing = { capabilities: undefined, clientInfo: undefined, logLevel: undefined };
    return { kind: "close", token, caller: { ...caller, ...nothing }, bytes: 0 };
  }
}

function toMessage(text: string): RequestMessage | NotificationMessage | Deny {
  const parsed = parseJson(text, jsonLimits);
  if (!parsed.ok) {
    const why = `The JSON has a fault at ${parsed.at}: ${parsed.fault}`;
    return deny("MESSAGE_MALFORMED", why, { number: parsed.fault === "syntax" ? -32700 : -32600 });
  }
  const message: JsonRpcMessage | { fault: string } = toJsonRpcMessage(parsed.json);
  if ("fault" in message) return deny("MESSAGE_MALFORMED", `The message ${message.fault}`);
  if (message.kind === "response") {
    return deny("MESSAGE_MALFORMED", "The message answers nothing that was asked");
  }
  const { params } = message;
  const parts = [params, member(params, "ref"), member(params, "argument")];
  if (parts.some(isDisguised)) return deny("MESSAGE_MALFORMED", "A parameter is in the wrong case");
  return message;
}

/** A server that folds case would read `Name` as `name`, and act on what was never judged. */
function isDisguised(params: Json | undefined): boolean {
  if (!isObject(params)) return false;
  return params.node.members.some(
    ({ key }) => !decisiveParams.has(key) && foldedDecisive.has(foldCase(key)),
  );
}

const foldedDecisive = new Set([...decisiveParams].map(foldCase));

/** The era of a message that was refused before its own word for it was accepted. */
function toTraits(exchange: Counted, message: RequestMessage | NotificationMessage): MessageTraits {
  const revision = exchange.headers.get("mcp-protocol-version");
  const isLegacy =
    message.method === "initialize" ||
    exchange.headers.get("mcp-session-id") !== null ||
    (revision !== null && legacyRevisions.includes(revision));
  const id = message.kind === "request" ? message.id : undefined;
  return { id, method: message.method, era: isLegacy ? "legacy" : "modern" };
}

/** No server may ask for input, so an answer to it is forged and must not reach one. */
function answersNothing({ params }: RequestMessage): boolean {
  return (
    member(params, "inputResponses") !== undefined || member(params, "requestState") !== undefined
  );
}

function unknownMethod(message: RequestMessage | NotificationMessage, era: string): Deny {
  const why = `The ${era} era has no such ${message.kind}`;
  return deny(message.kind === "request" ? "METHOD_UNKNOWN" : "MESSAGE_MALFORMED", why);
}
