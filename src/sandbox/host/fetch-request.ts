/** What a guest asks `fetch` for, read and held against its grants. */
import { utf8Length } from "../../core/index.ts";
import { type Fault, isFault, isObject } from "./acts.ts";
import { type Fields, readGuestHeaders } from "./fetch-headers.ts";

/** A grant, ready for use. */
export interface Granted {
  readonly origin: string;
  /** Never shown to the guest. */
  readonly headers: Fields;
  /** What of the headers opens something by itself. */
  readonly credentials: readonly string[];
}
export interface FetchRequest {
  readonly granted: Granted;
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers: Fields;
  readonly body: string | undefined;
  readonly timeoutMs: number;
}

export const maxBodyBytes = 256 * 1024;
const maxUrlLength = 8_192;
/** Visible ASCII but for the backslash, which URLs read as a slash: whatever else there is, is escaped. */
const plainUrl = /^[!-[\]-~]+$/;

/** `maxMs` is how long one may last at most, and does by default. */
export function readFetchRequest(
  [url, init]: readonly unknown[],
  grants: ReadonlyMap<string, Granted>,
  maxMs: number,
): FetchRequest | Fault {
  const target = readTarget(url, grants);
  if (isFault(target)) return target;
  const wish = init ?? {};
  if (!isObject(wish)) return { fault: "The second argument of fetch is an object" };
  const { method, headers, body, timeoutMs } = wish;
  const verb = method ?? "GET";
  if (verb !== "GET" && verb !== "POST") return { fault: "fetch knows the methods GET and POST" };
  const fields = readGuestHeaders(headers, target.granted.headers);
  if (isFault(fields)) return fields;
  const text = readBody(verb, body ?? undefined);
  if (isFault(text)) return text;
  const ms = readTimeoutMs(timeoutMs ?? maxMs, maxMs);
  if (ms === undefined) return { fault: "timeoutMs is a number above 0" };
  const type = text.body === undefined ? {} : { "content-type": "text/plain;charset=UTF-8" };
  return {
    ...target,
    method: verb,
    headers: { ...type, ...fields, ...target.granted.headers },
    body: text.body,
    timeoutMs: ms,
  };
}

/**
 * The text itself begins with the granted origin, spelled as the grant is, so that no second way of
 * reading it (userinfo, a default port, a backslash, white space) leads elsewhere.
 */
function readTarget(
  url: unknown,
  grants: ReadonlyMap<string, Granted>,
): Pick<FetchRequest, "granted" | "url"> | Fault {
  if (typeof url !== "string" || url.length > maxUrlLength || !plainUrl.test(url)) {
    return { fault: `A URL of fetch is at most ${maxUrlLength} characters of ASCII, escaped` };
  }
  if (!URL.canParse(url)) return { fault: "fetch cannot read the URL" };
  const { origin, pathname, search } = new URL(url);
  const granted = grants.get(origin);
  if (
    granted === undefined ||
    !/^(?:$|[/?#])/.test(url.slice(origin.length)) ||
    !url.startsWith(origin)
  ) {
    const what =
      granted === undefined ? `"${origin}"` : "a URL that is not written as its origin is";
    return {
      fault: `fetch is not granted to this plugin for ${what}: grants.fetch in gateway.config.ts`,
    };
  }
  return { granted, url: origin + pathname + search };
}

function readBody(
  method: "GET" | "POST",
  body: unknown,
): { readonly body: string | undefined } | Fault {
  if (body === undefined) return { body: method === "POST" ? "" : undefined };
  if (typeof body !== "string") return { fault: "A body of fetch is a text" };
  if (method === "GET") return { fault: "fetch sends no body with GET" };
  if (utf8Length(body) <= maxBodyBytes) return { body };
  return { fault: `A body of fetch is at most ${maxBodyBytes} bytes` };
}

function readTimeoutMs(value: unknown, maxMs: number): number | undefined {
  return typeof value === "number" && value > 0 ? Math.min(value, maxMs) : undefined;
}
