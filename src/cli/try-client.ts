/** One call of the test client: plain HTTP in the modern era, so that it is the real door that answers. */
import type { Clock } from "../core/index.ts";
import { encodeHeaderValue, latestModern, metaKeys, readEvents, readText } from "../mcp/index.ts";

export interface Call {
  /** Of the gateway, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Undefined goes without. */
  readonly token: string | undefined;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}
export interface Outcome {
  readonly decision: "allowed" | "denied" | "failed";
  /** The gateway's code where it refused. */
  readonly code: string | undefined;
  /** What the gateway or the server says of it. */
  readonly why: string;
  readonly result: Readonly<Record<string, unknown>>;
  readonly redactions: number;
  readonly ms: number;
  /** How long a refused caller is asked to wait; 0 where it is not. */
  readonly retryAfterMs: number;
}

const deadlineMs = 30_000;
const maxBytes = 16 * 1024 * 1024;
const failures = /^(?:UPSTREAM_|INTERNAL$|.*_UNAVAILABLE$|DRAINING$)/;

export async function send(call: Call, clock: Clock): Promise<Outcome> {
  const start = clock.elapsed();
  try {
    const response = await fetch(new URL("/mcp", call.url), {
      method: "POST",
      headers: headersOf(call),
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: call.method, params: paramsOf(call) }),
      redirect: "error",
      signal: AbortSignal.timeout(deadlineMs),
    });
    const message = await readMessage(response);
    const ms = clock.elapsed() - start;
    return { ...toOutcome(message), ms, retryAfterMs: retryAfterOf(response) };
  } catch (error) {
    const why = error instanceof Error ? error.message : "The call failed";
    const ms = clock.elapsed() - start;
    return {
      decision: "failed",
      code: undefined,
      why,
      result: {},
      redactions: 0,
      ms,
      retryAfterMs: 0,
    };
  }
}

function headersOf({ token, method, params }: Call): Record<string, string> {
  const name = method === "resources/read" ? params["uri"] : params["name"];
  return {
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    "mcp-protocol-version": latestModern,
    "mcp-method": method,
    ...(typeof name === "string" ? { "mcp-name": encodeHeaderValue(name) } : {}),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
}

function paramsOf({ params }: Call): Record<string, unknown> {
  const meta = {
    [metaKeys.protocolVersion]: latestModern,
    [metaKeys.clientInfo]: { name: "mcp-gw try", version: "1" },
    [metaKeys.clientCapabilities]: {},
  };
  return { ...params, _meta: meta };
}

/** The answer, as JSON or as the last event of a stream. */
async function readMessage(response: Response): Promise<Readonly<Record<string, unknown>>> {
  const body: AsyncIterable<Uint8Array> = response.body ?? noBytes();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  let text = "";
  if (isStream === true) {
    const limits = { maxEventBytes: maxBytes, maxBytes };
    for await (const event of readEvents(body, limits)) text = event.data;
  } else text = await readText(body, maxBytes);
  const message: unknown = JSON.parse(text);
  if (!isRecord(message)) throw new Error("The answer is no JSON object");
  return message;
}

async function* noBytes(): AsyncIterable<Uint8Array> {}

type Answer = Omit<Outcome, "ms" | "retryAfterMs">;

/** A result, a JSON-RPC error, or problem details where no request was read. */
function toOutcome(message: Readonly<Record<string, unknown>>): Answer {
  const redactions = JSON.stringify(message).split("[redacted:").length - 1;
  const { result, error } = message;
  if (isRecord(result)) {
    const meta = isRecord(result["_meta"]) ? result["_meta"] : {};
    const code = textOf(meta["mcp-gw/code"]);
    const why = result["isError"] === true ? firstText(result) : "";
    return { decision: decisionOf(code), code, why, result, redactions };
  }
  const data = isRecord(error) && isRecord(error["data"]) ? error["data"] : message;
  const code = textOf(data["code"]);
  const why = textOf(isRecord(error) ? error["message"] : message["title"]) ?? "";
  return { decision: decisionOf(code ?? "INTERNAL"), code, why, result: {}, redactions };
}

function decisionOf(code: string | undefined): Outcome["decision"] {
  if (code === undefined) return "allowed";
  return failures.test(code) ? "failed" : "denied";
}

/** A tool's refusal begins with its code, which has a column of its own. */
function firstText({ content }: Readonly<Record<string, unknown>>): string {
  const first: unknown = Array.isArray(content) ? content[0] : undefined;
  return (isRecord(first) ? (textOf(first["text"]) ?? "") : "").replace(/^[A-Z_]+: /, "");
}

function retryAfterOf({ headers }: Response): number {
  const seconds = Number(headers.get("retry-after"));
  return Number.isFinite(seconds) ? seconds * 1_000 : 0;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
