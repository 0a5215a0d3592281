/**
 * Which web pages may call. A page of another origin reads nothing and sends nothing but what any
 * form could send, unless some client names its origin in the config (`clients.*.origins`).
 */
const maxAgeSeconds = 600;
const methods = "POST, GET, DELETE";
const allowed = [
  "authorization",
  "content-type",
  "accept",
  "mcp-protocol-version",
  "mcp-session-id",
  "mcp-method",
  "mcp-name",
  "last-event-id",
];
const exposed =
  "Mcp-Session-Id, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, X-Request-Id";
const paramHeader = /^mcp-param-[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
const maxParamHeaders = 32;

/** Headers of the answer to `OPTIONS`; undefined where the origin is not one of ours. */
export function toPreflightHeaders(
  request: Headers,
  origins: ReadonlySet<string>,
): Record<string, string> | undefined {
  const origin = request.get("origin");
  if (origin === null || !origins.has(origin)) return undefined;
  const asked = (request.get("access-control-request-headers") ?? "").toLowerCase();
  const params = asked
    .split(",")
    .map((name) => name.trim())
    .filter((name) => paramHeader.test(name))
    .slice(0, maxParamHeaders);
  return {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": methods,
    "access-control-allow-headers": [...allowed, ...params].join(", "),
    "access-control-max-age": String(maxAgeSeconds),
    vary: "Origin, Access-Control-Request-Headers",
  };
}

/** Headers that let a page of a known origin read an answer. */
export function toCorsHeaders(
  origin: string | null,
  origins: ReadonlySet<string>,
): Record<string, string> {
  if (origins.size === 0) return {};
  if (origin === null || !origins.has(origin)) return { vary: "Origin" };
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": exposed,
    vary: "Origin",
  };
}
