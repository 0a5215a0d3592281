/** Somebody who has tools: a gateway, or one of its upstreams. */
import {
  type JsonObject,
  at,
  inputKindOf,
  isObject,
  items,
  latestModern,
  member,
  parseJson,
  stringOf,
  textOf,
  toParamHeaders,
} from "../mcp/index.ts";
import { type GatewayAnswer, type GatewayCall, callGateway } from "./mcp-client.ts";

export interface Tool {
  readonly name: string;
  readonly definition: JsonObject;
}
export interface ToolCall {
  readonly tool: Tool | undefined;
  readonly name: string;
  /** The arguments, a JSON object as text. */
  readonly args: string;
  readonly deadlineMs: number;
  /** Further members of `params`, as JSON text: what answers a question for input. */
  readonly more: string;
  readonly hear: (message: JsonObject) => void;
}
/** What came of it; `result` may be a question for input. */
export type Ended =
  | { readonly kind: "result"; readonly result: JsonObject }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

export interface ToolServer {
  /** Every page. Rejects where there is no answer. */
  readonly list: () => Promise<readonly Tool[] | (Ended & { readonly kind: "refused" })>;
  readonly call: (call: ToolCall) => Promise<Ended>;
  readonly close: () => Promise<void>;
}

/** What this client can do: a form is shown on a terminal, and declined elsewhere. */
export const ownCapabilities = { elicitation: { form: {} } } as const;
export const ownRevision = latestModern;

const maxPages = 100;
const listMs = 30_000;

export function createGatewayServer(endpoint: string, token: string | undefined): ToolServer {
  const ask = (
    call: Pick<GatewayCall, "method" | "params" | "deadlineMs"> & Partial<GatewayCall>,
  ): Promise<GatewayAnswer> =>
    callGateway({
      ...call,
      endpoint,
      token,
      clientName: "mcp-gw tools",
      capabilities: ownCapabilities,
    });

  return {
    list: async () => {
      const tools: Tool[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < maxPages; page++) {
        const params = JSON.stringify({ cursor });
        const { text } = await ask({ method: "tools/list", params, deadlineMs: listMs });
        const ended = toEnded(text);
        if (ended.kind === "refused") return ended;
        tools.push(...toTools(ended.result));
        cursor = stringOf(member(ended.result, "nextCursor"));
        if (cursor === undefined) break;
      }
      return tools;
    },
    call: async ({ tool, name, args, more, deadlineMs, hear }) => {
      const schema = member(tool?.definition, "inputSchema");
      const declared = isObject(schema) ? toParamHeaders(schema) : { headers: [] };
      const { text } = await ask({
        method: "tools/call",
        params: `{"name":${JSON.stringify(name)},"arguments":${args}${more}}`,
        paramHeaders: "headers" in declared ? declared.headers : [],
        meta: { progressToken: 1, "io.modelcontextprotocol/logLevel": "info" },
        deadlineMs,
        hear: (message) => {
          const parsed = parseJson(message);
          if (parsed.ok && isObject(parsed.json)) hear(parsed.json);
        },
      });
      return toEnded(text);
    },
    close: () => Promise.resolve(),
  };
}

export function toTools(result: JsonObject): readonly Tool[] {
  return items(member(result, "tools")).flatMap((definition) => {
    const name = stringOf(member(definition, "name"));
    return name === undefined || !isObject(definition) ? [] : [{ name, definition }];
  });
}

/** A result, a JSON-RPC error, or problem details where no request was read. */
function toEnded(text: string): Ended {
  const parsed = parseJson(text);
  const json = parsed.ok ? parsed.json : undefined;
  const result = member(json, "result");
  if (isObject(result)) return { kind: "result", result };
  const error = member(json, "error");
  const number = member(error, "code");
  const code = stringOf(at(error, "data", "code")) ?? stringOf(member(json, "code"));
  return {
    kind: "refused",
    code: code ?? (number === undefined ? "INTERNAL" : textOf(number)),
    message: stringOf(member(error, "message")) ?? stringOf(member(json, "title")) ?? "",
  };
}

/** The questions of a result that asks for input, by their keys; undefined for any other result. */
export function toQuestions(
  result: JsonObject,
): readonly { readonly key: string; readonly params: JsonObject | undefined }[] | undefined {
  if (stringOf(member(result, "resultType")) !== "input_required") return undefined;
  const requests = member(result, "inputRequests");
  if (!isObject(requests)) return [];
  return requests.node.members.map(({ key, value }) => {
    const request = { source: requests.source, node: value };
    const params = member(request, "params");
    const kind = inputKindOf(stringOf(member(request, "method")) ?? "", params);
    return { key, params: kind === "elicitation:form" && isObject(params) ? params : undefined };
  });
}
