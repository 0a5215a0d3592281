/** One call of the test client, and what came of it. */
import type { Clock } from "../core/index.ts";
import { callGateway, whyFailed } from "./mcp-client.ts";

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
const failures = /^(?:UPSTREAM_|INTERNAL$|.*_UNAVAILABLE$|DRAINING$)/;

export async function send(call: Call, clock: Clock): Promise<Outcome> {
  const { url, token, method, params } = call;
  const start = clock.elapsed();
  try {
    const { headers, text } = await callGateway({
      endpoint: new URL("/mcp", url).href,
      token,
      method,
      params: JSON.stringify(params),
      clientName: "mcp-gw try",
      deadlineMs,
    });
    const ms = clock.elapsed() - start;
    const message = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return { ...toOutcome(message), ms, retryAfterMs: retryAfterOf(headers) };
  } catch (error) {
    const why = whyFailed(error);
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

function retryAfterOf(headers: Headers): number {
  const seconds = Number(headers.get("retry-after"));
  return Number.isFinite(seconds) ? seconds * 1_000 : 0;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
