/** Which headers a guest may send along, and which of an answer it sees. */
import { Secret } from "../../core/index.ts";
import { type Fault, isObject } from "./acts.ts";

/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible ASCII, with spaces and tabs inside only (RFC 9110 section 5.5). */
const fieldValue = /^(?:[!-~](?:[\t -~]{0,4094}[!-~])?)?$/;
/** The operator may send Latin-1 too. */
const grantValue = /^[\t\x20-\x7e\x80-\xff]*$/;
const maxHeaders = 32;

/**
 * Attack: a header that ends the request and begins another one, that speaks for the connection or for
 * a proxy, that makes a GET a DELETE, or that logs the guest in as somebody. Credentials are the
 * operator's to give: `headers` of the grant.
 */
const reserved = new RegExp(
  `^(?:${[
    "host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|http2-settings|expect",
    "content-length|content-encoding|accept-encoding|via|forwarded|x-forwarded-.*|x-real-ip",
    "x-http-method|x-http-method-override|x-method-override|x-original-url|x-rewrite-url",
    "authorization|cookie|cookie2|set-cookie|origin|proxy-.*|sec-.*",
  ].join("|")})$`,
);

/** Lower-case names. */
export type Fields = Readonly<Record<string, string>>;

/** Throws a `RangeError` that names a header of the config, not its value, where it cannot be sent. */
export function readGrantHeaders(headers: Readonly<Record<string, string | Secret>>): Fields {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    const text = value instanceof Secret ? value.reveal() : value;
    if (!token.test(name) || !grantValue.test(text)) {
      throw new RangeError(`Cannot send the header ${JSON.stringify(name)} of a plugin's grant`);
    }
    fields.set(name.toLowerCase(), text);
  }
  return Object.fromEntries(fields);
}

/** `own` are those of the grant, which a guest does not write over. */
export function readGuestHeaders(value: unknown, own: Fields): Fields | Fault {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) return { fault: "The headers of fetch are an object" };
  const entries = Object.entries(value);
  if (entries.length > maxHeaders) return { fault: `fetch takes at most ${maxHeaders} headers` };
  const fields = new Map<string, string>();
  for (const [name, text] of entries) {
    if (!token.test(name)) return { fault: "fetch got a name that no header can have" };
    if (typeof text !== "string" || !fieldValue.test(text)) {
      return { fault: `fetch cannot send this value as the header "${name}"` };
    }
    const lower = name.toLowerCase();
    if (reserved.test(lower) || Object.hasOwn(own, lower) || fields.has(lower)) {
      return { fault: `fetch does not take the header "${name}" from a plugin` };
    }
    fields.set(lower, text);
  }
  return Object.fromEntries(fields);
}

/** What says how to read an answer, how fresh it is and when to ask again. */
const shown = [
  "cache-control",
  "content-language",
  "content-type",
  "date",
  "etag",
  "expires",
  "last-modified",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
  "x-request-id",
];

export function toShownHeaders(headers: Pick<Headers, "get">): Fields {
  return Object.fromEntries(
    shown.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}
