/** URIs as policy sees them: only one spelling of each is ever compared. */

/** Schemes whose URIs a URL parser (WHATWG URL, section 3.1) reads in more than one spelling. */
const special = new Set(["http", "https", "ws", "wss", "ftp", "file"]);
/** RFC 3986 section 2 without backslashes, quotes, braces and whatever is not visible ASCII. */
const characters = /^[!#-;=?-[\]_a-z~]+$/;
const shape = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/;
/**
 * After `?` and `#` too: a server that cuts the scheme off and normalizes the rest as a path walks
 * up from there. Some servers cut a segment at `;`, and others its encoded spaces.
 */
const dotSegment = /[/?#:]\.(?:[/?#;%]|$)|[/?#:=&;,]\.\.(?:[/?#&;,%]|$)/;
/** Encoded letters, digits, `-._~` (dots make dot segments), slashes, backslashes and controls. */
const hidden = /%(?:[01][0-9A-F]|2[DEF]|3[0-9]|4[1-9A-F]|5[0-9ACF]|6[1-9A-F]|7[0-9AEF])/;
/** `%252E` is a dot to whoever decodes twice. */
const encodedTwice = /%25[0-9A-Fa-f]{2}/;

/**
 * Whether a URI is spelt the one way that policy compares (RFC 3986 section 6.2.2, and stricter).
 * Two readers could take any other spelling for different things, so it matches nothing. Every
 * normal URI is its own `new URL(uri).href`, so that no two of them are one URL.
 *
 * Refused are: whatever a URL parser would write another way (scheme or host in upper case,
 * `http:host`, default ports, other forms of an IP address, `http://host` without its slash); user
 * information; dot segments anywhere, empty path segments, empty queries and fragments; characters
 * that a URI cannot hold; percent-encoded unreserved characters, slashes, backslashes and controls,
 * lower-case hex, and encodings of what is not UTF-8. The schemes of the web and of files have more
 * that names nothing new: fragments, and a query or host in `file:`.
 */
export function isNormalUri(uri: string): boolean {
  const parts = characters.test(uri) ? shape.exec(uri) : null;
  if (parts === null) return false;
  const [, scheme = "", authority, path = "", query, fragment] = parts;
  if (query === "?" || fragment === "#") return false;
  if (path.includes("//") && (authority !== undefined || path.startsWith("/"))) return false;
  if (authority !== undefined && !isPlainAuthority(authority)) return false;
  if (dotSegment.test(uri) || !isPlainlyEncoded(uri)) return false;
  if (special.has(scheme) && !isPlainSpecial(scheme, authority, query, fragment)) return false;
  return hrefOf(uri) === uri;
}

/** No user information, and encoded are at most spaces and what is not ASCII: no port, no `@`. */
function isPlainAuthority(authority: string): boolean {
  return !authority.includes("@") && !/%(?!20|[89A-F])/.test(authority);
}

/** What URL parsers keep although it leads to the same thing. */
function isPlainSpecial(
  scheme: string,
  authority: string | undefined,
  query: string | undefined,
  fragment: string | undefined,
): boolean {
  if (authority === undefined || fragment !== undefined) return false;
  if (scheme === "file") return authority === "" && query === undefined;
  // A host with a dot at its end, and an IPv4 address written as an IPv6 one.
  return !/\.(?::|$)/.test(authority) && !authority.startsWith("[::ffff:");
}

/** Encodes only what has to be, once, and as RFC 3986 sections 2.5 and 6.2.2.1 say. */
function isPlainlyEncoded(uri: string): boolean {
  if (!uri.includes("%")) return true;
  if (/%(?![0-9A-F]{2})/.test(uri) || hidden.test(uri) || encodedTwice.test(uri)) return false;
  try {
    decodeURIComponent(uri);
    return true;
  } catch {
    // It throws for nothing but bytes that are not UTF-8: `%C0%AE` is a dot to a lenient reader.
    return false;
  }
}

function hrefOf(uri: string): string | undefined {
  try {
    return new URL(uri).href;
  } catch {
    // What cannot be parsed is no URL, and so not a normal one.
    return undefined;
  }
}

/** What a gap may hold, so that a scheme, a host, a port, a path or a part of one comes out whole. */
const fillings = ["a", "0", "/a", "a/", "//a/", "///a", "x:"];

/**
 * Whether a normal URI can be made of these pieces in their order, with some text in each gap
 * between two of them. Ends of URIs differ most, so the first and the last gap try all fillings.
 */
export function couldBeNormalUri(pieces: readonly string[]): boolean {
  const [start = "", ...rest] = pieces;
  const end = rest.length - 1;
  const fill = (first: string, last: string): string =>
    rest.reduce((uri, piece, gap) => {
      return uri + (gap === 0 ? first : gap === end ? last : "0") + piece;
    }, start);
  const firsts = end < 0 ? [""] : fillings;
  const lasts = end < 1 ? [""] : fillings;
  return firsts.some((first) => lasts.some((last) => isNormalUri(fill(first, last))));
}

/** An expression of a template (RFC 6570 section 2.2); some servers write spaces in a list. */
const expression = /\{[+#./;?&]?[\w%][\w.,:*% -]*\}/;
/** Two dots that become a segment where the expression beside them expands to nothing. */
const danglingDots = /^\.\.[/?#&;,]|[/?#:=&;,]\.\.$/;

/**
 * Whether a template's literal text is that of normal URIs. One that leaves the scheme to a
 * variable names anything at all, so it is none.
 */
export function isNormalTemplate(template: string): boolean {
  const pieces = template.split(expression);
  return (
    /^[a-z][a-z0-9+.-]*:/.test(template) &&
    !pieces.some((piece) => danglingDots.test(piece)) &&
    couldBeNormalUri(pieces)
  );
}

/** A glob that matches every URI a template (RFC 6570) can expand to, and more. */
export function templateToGlob(template: string): string {
  return template.replaceAll(/\{[^{}]*\}/g, "*");
}

/**
 * One text for the spellings of a URI that servers may read alike, although each of them is normal:
 * what denies compares these too. Decodes visible ASCII, save `%25`, which would make other
 * encodings, and `%2A`, which would make a wildcard; puts the host in lower case (RFC 3986 section
 * 6.2.2.1). Takes globs too.
 */
export function toLooseUri(uri: string): string {
  return uri
    .replace(/^[^:/?#]*:\/\/[^/?#]*/, (start) => start.toLowerCase())
    .replaceAll(/%([2-7][0-9A-Fa-f])/g, (encoded, hex: string) => {
      const code = Number.parseInt(hex, 16);
      const isKept = code <= 0x20 || code === 0x7f || encoded === "%25" || /%2A/i.test(encoded);
      return isKept ? encoded : String.fromCharCode(code);
    });
}
