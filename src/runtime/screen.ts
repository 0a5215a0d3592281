/**
 * What is wrong with a request before anybody looks at its meaning: one that two readers could
 * take for two different requests (RFC 9112, sections 3.2 and 11.2) is refused.
 */
import type { Code, ProblemExtra } from "../core/index.ts";

export interface Finding extends ProblemExtra {
  readonly code: Code;
}

/** Headers that decide who is asking for what: of two, nobody can say which one counts. */
const singletons = new Set([
  "host",
  "authorization",
  "content-type",
  "content-length",
  "transfer-encoding",
  "origin",
  "mcp-session-id",
  "mcp-protocol-version",
  "mcp-method",
  "mcp-name",
]);
const maxHeaders = 200;

export function isSingleton(name: string): boolean {
  return singletons.has(name) || name.startsWith("mcp-param-");
}

/** Name, value, name, value: as they came, nothing joined. */
export function screenRawHeaders(raw: readonly string[]): Finding | undefined {
  if (raw.length > maxHeaders * 2) return { code: "HEADERS_TOO_LARGE" };
  const seen = new Set<string>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? "").toLowerCase();
    if (!isSingleton(name)) continue;
    if (name === "transfer-encoding" && (raw[index + 1] ?? "").toLowerCase() !== "chunked") {
      return malformed("The only transfer coding is chunked");
    }
    if (seen.has(name)) return malformed(`The header "${name.slice(0, 100)}" stands twice`);
    seen.add(name);
  }
  return seen.has("host") ? undefined : malformed("There is no Host header");
}

export function screenMethod(method: string, upgrade: string | undefined): Finding | undefined {
  if (method === "CONNECT" || method === "TRACE" || method === "TRACK") {
    return { code: "HTTP_METHOD_UNSUPPORTED", headers: { allow: "GET, POST, DELETE, OPTIONS" } };
  }
  // Any other offer, such as the h2c of some HTTP libraries, may be left untaken (RFC 9110, 7.8).
  return /\bwebsocket\b/i.test(upgrade ?? "")
    ? malformed("There is no protocol to upgrade to")
    : undefined;
}

const plainTarget = /^\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(?:\?[^#]*)?$/;
const dotSegment = /\/(?:\.|%2e){1,2}(?:[/?]|$)/i;

/**
 * The target in origin form, as it was sent. Dot segments are refused here, because URL parsers
 * resolve them: behind one, "/open/../mcp" and "/mcp" look alike.
 */
export function screenTarget(target: string): Finding | undefined {
  if (!target.startsWith("/")) return malformed("The request target must be a path");
  if (plainTarget.test(target) && !dotSegment.test(target)) return undefined;
  return { code: "PATH_UNKNOWN" };
}

export function malformed(detail: string): Finding {
  return { code: "MESSAGE_MALFORMED", detail };
}
