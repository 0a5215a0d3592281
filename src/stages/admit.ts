import {
  type Arrival,
  type Arrived,
  type Deny,
  type Endpoint,
  type Stage,
  deny,
  pass,
} from "../core/index.ts";
import type { HeaderView } from "../mcp/index.ts";

/** What `admit` lets in. Host names without port, in lower case; IPv6 in brackets. */
export interface Admission {
  readonly hosts: ReadonlySet<string>;
  readonly origins: ReadonlySet<string>;
  /** The largest body that any client may send. */
  readonly maxBodyBytes: number;
}

/**
 * Refuses what no client of ours would send, before anything is read or looked up.
 * A web page can make its visitor's browser send requests to a local port under a name that
 * resolves there (DNS rebinding); so a Host or an Origin that is not named in the config is
 * refused. `listen.hosts`, `publicUrl` and a client's `origins` widen it.
 */
export function admit(admission: Admission): Stage<Arrival, Arrived> {
  return {
    name: "admit",
    run: (arrival) => {
      const endpoint = toEndpoint(arrival.path);
      if (endpoint === undefined) return deny("PATH_UNKNOWN", "The path is no endpoint");
      return refusal(arrival, admission) ?? pass({ ...arrival, endpoint });
    },
  };
}

function refusal(arrival: Arrival, admission: Admission): Deny | undefined {
  const { headers, httpMethod } = arrival;
  const host = headers.get("host");
  if (host === null || !admission.hosts.has(withoutPort(host))) {
    return deny("HOST_FORBIDDEN", "The Host is not one of ours");
  }
  const origin = headers.get("origin");
  if (origin !== null && !admission.origins.has(origin)) {
    return deny("ORIGIN_FORBIDDEN", "The Origin belongs to no client");
  }
  if (httpMethod === "DELETE") return undefined;
  // A GET opens the stream of a session; the modern era has neither (2026-07-28, streamable HTTP).
  const opensStream = httpMethod === "GET" && headers.get("mcp-session-id") !== null;
  if (opensStream) return undefined;
  if (httpMethod !== "POST") {
    return deny("HTTP_METHOD_UNSUPPORTED", "Only POST is served outside of a session", {
      headers: { allow: "POST" },
    });
  }
  if (!isJsonBody(headers)) return deny("MEDIA_UNSUPPORTED", "The body is not declared as JSON");
  const length = headers.get("content-length");
  if (length !== null && Number(length) > admission.maxBodyBytes) {
    return deny("BODY_TOO_LARGE", `The body exceeds ${admission.maxBodyBytes} bytes`);
  }
  return undefined;
}

/** Exact: neither decoded nor normalized, so no spelling reaches an endpoint past its checks. */
function toEndpoint(path: string): Endpoint | undefined {
  if (path === "/mcp") return { upstream: undefined };
  const upstream = /^\/mcp\/([A-Za-z0-9][A-Za-z0-9._-]{0,63})$/.exec(path)?.[1];
  return upstream === undefined ? undefined : { upstream };
}

export function withoutPort(host: string): string {
  return host.replace(/:\d{1,5}$/, "").toLowerCase();
}

/**
 * A form or plain text can be posted by any web page without the browser asking first; JSON
 * cannot. A compressed body could be a bomb and is refused.
 */
export function isJsonBody(headers: HeaderView): boolean {
  const type = headers.get("content-type");
  const encoding = headers.get("content-encoding");
  return (
    type !== null &&
    /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type) &&
    (encoding === null || encoding.toLowerCase() === "identity")
  );
}
