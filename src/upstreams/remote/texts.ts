/** A round and its messages as texts, with the exact bytes of what they carry (law 2). */
import { type Code, type Failure, failure, problems } from "../../core/index.ts";
import {
  type ErrorMessage,
  type Json,
  type JsonObject,
  at,
  isObject,
  member,
  parseJson,
  reread,
  stringOf,
  textOf,
  toJsonRpcMessage,
  toWire,
} from "../../mcp/index.ts";
import type { Letter } from "./line.ts";
import type { Round, RoundMessage } from "./round.ts";

/** What one process asks of another. */
export interface Errand {
  readonly upstream: string;
  /** The name of the call that waits. */
  readonly waiting: string;
  readonly round: Round;
}

/** Messages travel as JSON-RPC, which has to name something that is answered. */
const ANSWERED = "0";
const unreadable = failure("UPSTREAM_UNAVAILABLE", "Another instance answered what cannot be read");

/** What the call itself was sent with stays here: the upstream has it. */
export function toErrandText({ upstream, waiting, round }: Errand): string {
  const { client, caller, method, asks, params, refused } = round;
  const { capabilities } = caller;
  return objectText([
    ["upstream", JSON.stringify(upstream)],
    ["waiting", JSON.stringify(waiting)],
    ["client", JSON.stringify(client.name)],
    ["subject", client.subject === undefined ? undefined : JSON.stringify(client.subject)],
    ["era", JSON.stringify(caller.era)],
    ["revision", JSON.stringify(caller.revision)],
    ["logLevel", caller.logLevel === undefined ? undefined : JSON.stringify(caller.logLevel)],
    ["capabilities", capabilities && textOf(capabilities)],
    ["method", JSON.stringify(method)],
    ["asks", String(asks)],
    ["progressToken", partOf(params, "_meta", "progressToken")],
    ["inputResponses", partOf(params, "inputResponses")],
    ["refused", refused && toRefusedText(refused)],
  ]);
}

export function parseErrand(text: string): Errand | undefined {
  const parsed = parseJson(text);
  if (!parsed.ok) return undefined;
  const { json } = parsed;
  const [upstream, waiting, name, era, revision, method] = [
    "upstream",
    "waiting",
    "client",
    "era",
    "revision",
    "method",
  ].map((key) => stringOf(member(json, key)));
  if (upstream === undefined || waiting === undefined || name === undefined) return undefined;
  if ((era !== "modern" && era !== "legacy") || !revision || method === undefined) return undefined;
  const capabilities = member(json, "capabilities");
  return {
    upstream,
    waiting,
    round: {
      client: { name, subject: stringOf(member(json, "subject")) },
      caller: {
        era,
        revision,
        capabilities: isObject(capabilities) ? capabilities : undefined,
        clientInfo: undefined,
        logLevel: stringOf(member(json, "logLevel")),
        session: undefined,
      },
      method,
      asks: member(json, "asks")?.node.type === "true",
      params: toParams(json),
      refused: toRefused(member(json, "refused")),
    },
  };
}

export function toLetter(message: RoundMessage): Letter {
  if (message.kind !== "failure") return { kind: "message", text: toWire(message, ANSWERED) };
  const { code, why } = message;
  return { kind: "fault", text: JSON.stringify({ code, why }) };
}

export function toMessage({ kind, text }: Letter): RoundMessage {
  const parsed = parseJson(text);
  if (!parsed.ok) return unreadable;
  if (kind === "fault") return toFailure(parsed.json);
  const message = toJsonRpcMessage(parsed.json);
  if ("fault" in message || message.kind === "request") return unreadable;
  return message.kind === "response" ? message.answer : message;
}

function toFailure(json: Json): Failure {
  const code = stringOf(member(json, "code")) ?? "";
  return isCode(code) ? failure(code, stringOf(member(json, "why")) ?? "") : unreadable;
}

function isCode(code: string): code is Code {
  return Object.hasOwn(problems, code);
}

function toRefusedText(refused: ReadonlyMap<string, ErrorMessage>): string {
  return objectText([...refused].map(([key, error]) => [key, toWire(error, ANSWERED)]));
}

function toRefused(json: Json | undefined): Round["refused"] {
  if (!isObject(json)) return undefined;
  const errors = json.node.members.flatMap(({ key, value }): [string, ErrorMessage][] => {
    const message = toJsonRpcMessage({ source: json.source, node: value });
    if ("fault" in message || message.kind !== "response") return [];
    return message.answer.kind === "error" ? [[key, message.answer]] : [];
  });
  return new Map(errors);
}

/** As much of the parameters as was sent. */
function toParams(json: Json): JsonObject {
  const token = partOf(json, "progressToken");
  const text = objectText([
    ["_meta", token && objectText([["progressToken", token]])],
    ["inputResponses", partOf(json, "inputResponses")],
  ]);
  return reread(text) as JsonObject;
}

function partOf(json: Json | undefined, ...path: readonly string[]): string | undefined {
  const part = at(json, ...path);
  return part && textOf(part);
}

/** The JSON texts under their keys, without those that are absent. */
function objectText(members: readonly (readonly [string, string | undefined])[]): string {
  const texts = members.flatMap(([key, text]) =>
    text === undefined ? [] : [`${JSON.stringify(key)}:${text}`],
  );
  return `{${texts.join(",")}}`;
}
