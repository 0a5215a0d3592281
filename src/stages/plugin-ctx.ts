/** What a plugin is told of the exchange: who asks for what, and no credential, header or token. */
import type {
  Cancellation,
  ClientIdentity,
  McpInput,
  PluginHit,
  ToolFacts,
} from "../core/index.ts";
import { type JsonObject, isObject, member, stringOf, textOf } from "../mcp/index.ts";
import { hasExactNumbers } from "./exact-numbers.ts";

/** The facts that a plugin may learn something of. */
export interface AskFacts {
  readonly id: string;
  readonly time: number;
  readonly client: ClientIdentity;
  readonly input: McpInput;
  readonly signal: Cancellation;
  readonly plugins?: PluginHit[] | undefined;
}
/** What the exchange is about. */
export interface AskMatter {
  /** Empty where it is about several upstreams, or the gateway itself. */
  readonly upstream: string;
  readonly tool?: { readonly name: string; readonly facts: ToolFacts | undefined } | undefined;
}

const maxName = 256;
const maxAnnotations = 4_096;

/** JSON of an object that is still open at its end, for `closeCtx`. */
export function openCtx({ id, client, input }: AskFacts, { upstream, tool }: AskMatter): string {
  const { name, subject } = client;
  const info = toClientInfo(input.caller.clientInfo);
  const who = {
    id: name,
    ...(subject === undefined ? {} : { subject }),
    scopes: [],
    claims: {},
    ...(info && { clientInfo: info }),
  };
  const parts = [
    `"requestId":${JSON.stringify(id)}`,
    `"method":${JSON.stringify(methodOf(input))}`,
    `"protocolVersion":${JSON.stringify(input.caller.revision)}`,
    `"client":${JSON.stringify(who)}`,
    `"upstream":${JSON.stringify({ name: upstream })}`,
  ];
  if (tool !== undefined) {
    const annotations = toAnnotations(tool.facts?.definition);
    parts.push(`"tool":{"name":${JSON.stringify(tool.name)}${annotations}}`);
  }
  return `{${parts.join(",")}`;
}

/** `more` are further members, as JSON texts by name. */
export function closeCtx(open: string, more: Readonly<Record<string, string>> = {}): string {
  const parts = Object.entries(more).map(([name, text]) => `,"${name}":${text}`);
  return `${open}${parts.join("")}}`;
}

export function methodOf(input: McpInput): string {
  return input.kind === "request" || input.kind === "notification" ? input.method : "";
}

/** The client says so of itself: cut, and nothing else of it. */
function toClientInfo(info: JsonObject | undefined): { name: string; version: string } | undefined {
  const [name, version] = ["name", "version"].map((key) => stringOf(member(info, key)));
  if (name === undefined || version === undefined) return undefined;
  return { name: name.slice(0, maxName), version: version.slice(0, maxName) };
}

/** As the server says of itself; left out where it says too much of it. */
function toAnnotations(definition: JsonObject | undefined): string {
  const annotations = member(definition, "annotations");
  if (!isObject(annotations) || !hasExactNumbers(annotations)) return "";
  const text = textOf(annotations);
  return text.length > maxAnnotations ? "" : `,"annotations":${text}`;
}
