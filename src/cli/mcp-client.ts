/** A request to a gateway: plain HTTP in the modern era, so that it is the real door that answers. */
import {
  type ParamHeader,
  isObject,
  latestModern,
  metaKeys,
  parseJson,
  readEvents,
  readText,
  toRequestHeaders,
} from "../mcp/index.ts";
import { version } from "../version.ts";

export interface GatewayCall {
  /** The endpoint, e.g. `http://127.0.0.1:8080/mcp`. */
  readonly endpoint: string;
  /** Undefined goes without. */
  readonly token: string | undefined;
  readonly method: string;
  /** The members of `params` without `_meta`, as JSON text. */
  readonly params: string;
  readonly paramHeaders?: readonly ParamHeader[];
  readonly clientName: string;
  /** Further members of `_meta`. */
  readonly meta?: Readonly<Record<string, unknown>>;
  readonly capabilities?: object;
  /** For the whole answer. */
  readonly deadlineMs: number;
  /** Hears each message that comes before the answer, as JSON text. */
  readonly hear?: (text: string) => void;
}
export interface GatewayAnswer {
  readonly headers: Headers;
  /** The last message, or the problem details of a refusal, as JSON text. */
  readonly text: string;
}

const maxBytes = 64 * 1024 * 1024;

/** Rejects where no answer came, and for an answer that is no JSON object. */
export async function callGateway(call: GatewayCall): Promise<GatewayAnswer> {
  const { endpoint, token, method, paramHeaders = [], deadlineMs } = call;
  const params = withMeta(call);
  const parsed = parseJson(params);
  const json = parsed.ok && isObject(parsed.json) ? parsed.json : undefined;
  const mirrored = { method, revision: latestModern, params: json, paramHeaders };
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      ...toRequestHeaders(mirrored),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: `{"jsonrpc":"2.0","id":1,"method":${JSON.stringify(method)},"params":${params}}`,
    redirect: "error",
    signal: AbortSignal.timeout(deadlineMs),
  });
  const text = await readLast(response, call.hear ?? (() => undefined));
  const answer = parseJson(text);
  if (!answer.ok || !isObject(answer.json)) throw new Error("The answer is no JSON object");
  return { headers: response.headers, text };
}

function withMeta({ params, meta, capabilities, clientName }: GatewayCall): string {
  const own = JSON.stringify({
    [metaKeys.protocolVersion]: latestModern,
    [metaKeys.clientInfo]: { name: clientName, version },
    [metaKeys.clientCapabilities]: capabilities ?? {},
    ...meta,
  });
  const members = params.trim().slice(1, -1).trim();
  return `{${members}${members === "" ? "" : ","}"_meta":${own}}`;
}

/** The answer, as JSON or as the last event of a stream. */
async function readLast(response: Response, hear: (text: string) => void): Promise<string> {
  const body: AsyncIterable<Uint8Array> = response.body ?? noBytes();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  if (isStream !== true) return readText(body, maxBytes);
  let last: string | undefined;
  for await (const { data } of readEvents(body, { maxEventBytes: maxBytes, maxBytes })) {
    if (data === "") continue;
    if (last !== undefined) hear(last);
    last = data;
  }
  return last ?? "";
}

async function* noBytes(): AsyncIterable<Uint8Array> {}

/** `fetch failed` alone says nothing; what it fails with stands in its cause. */
export function whyFailed(error: unknown): string {
  if (!(error instanceof Error)) return "The call failed";
  const { cause } = error;
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message;
}
