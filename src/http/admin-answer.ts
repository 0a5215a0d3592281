/** Answers of the admin listener: kept by nobody, framed by nobody, run by nobody. */
import type { Deny } from "../core/index.ts";
import type { Done } from "./admin-endpoints.ts";
import { problemResponse } from "./problem-response.ts";

const securityHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

export interface RefusedAnswer {
  readonly requestId: string;
  /** The `why` of a refusal is for operators; a stranger reads the code alone. */
  readonly tellsWhy: boolean;
}

export function toRefusedResponse(
  { code, why, headers }: Pick<Deny, "code" | "why" | "headers">,
  { requestId, tellsWhy }: RefusedAnswer,
): Response {
  return problemResponse(code, {
    requestId,
    headers: { ...headers, ...securityHeaders },
    ...(tellsWhy ? { detail: why } : {}),
  });
}

export function toDoneResponse({ status, body, contentType }: Done): Response {
  if (body === undefined) return new Response(null, { status, headers: securityHeaders });
  const isText = typeof body === "string";
  const usual = isText ? "text/plain; charset=utf-8" : "application/json";
  return new Response(isText ? body : JSON.stringify(body), {
    status,
    headers: { ...securityHeaders, "content-type": contentType ?? usual },
  });
}
