import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compileGlob,
  couldBeNormalUri,
  isNormalTemplate,
  isNormalUri,
  templateToGlob,
} from "../../src/core/index.ts";

describe("isNormalUri accepts", () => {
  test.each([
    "file:///projects/app/config.json",
    "weather://today",
    "weather+file:///a",
    "urn:isbn:0451450523",
    "https://example.com:8080/a/b?c=d&e=f..g",
    "https://example.com/?next=https://a/b",
    "http://[::1]:8080/",
    "file:///C:/a",
    "file:///",
    "demo://resource/dynamic/text/1",
    "db://table/a%20b",
    "page:https://example.com",
    "memo://notes/.hidden/a..b",
    "test://static/",
    "test+x://a/b",
    "custom:opaque/thing",
    "urn:x:y",
    "ui://widget/app.html",
    "git://repo/compare/main..feature",
    "search://notes?path=.&q=%C3%A9%20%26",
    "notes://a#part",
    "greeting://World",
    "greeting://Ann%20Lee",
    "clock:2026-01-01T10:00",
  ])("%s", (uri) => {
    expect(isNormalUri(uri)).toBe(true);
  });
});

describe("isNormalUri refuses", () => {
  test.each([
    ["a scheme in upper case", "FILE:///a"],
    ["a host in upper case", "https://Example.com/a"],
    ["user information", "https://good.example@evil.example/a"],
    ["a dot segment", "file:///a/./b"],
    ["two dots", "file:///a/../b"],
    ["two dots at the end", "file:///a/.."],
    ["two dots in a path without authority", "file:../etc"],
    ["two dots with a parameter", "file:///a/..;x/b"],
    ["an empty segment", "file:///a//b"],
    ["encoded dots", "file:///a/%2E%2E/b"],
    ["an encoded slash", "file:///a%2Fb"],
    ["an encoded backslash", "file:///a%5Cb"],
    ["a backslash", "file:///a\\..\\b"],
    ["an encoded NUL", "file:///a%00.txt"],
    ["an encoded line break", "file:///a%0Ab"],
    ["an encoded letter", "file:///%61"],
    ["lower-case hex", "file:///a%c3%a9"],
    ["a lone percent sign", "file:///100%"],
    ["half an encoding", "file:///a%2"],
    ["an encoded host", "https://ex%41mple.com/"],
    ["a space", "file:///a b"],
    ["a control character", "file:///a\u0000b"],
    ["a line break at the end", "file:///a\n"],
    ["a letter outside ASCII", "file:///é"],
    ["a full-width letter", "file:///ａ"],
    ["no scheme", "//host/a"],
    ["a template", "file:///{path}"],
    ["nothing", ""],
    ["an empty scheme", "://host/a"],
    ["a file without slashes", "file:/secret/key"],
    ["a file with a host", "file://localhost/secret/key"],
    ["a file of another machine", "file://server/share"],
    ["a file with a query", "file:///secret/key?x"],
    ["a file with a fragment", "file:///secret/key#x"],
    ["http without slashes", "http:internal.example/x"],
    ["http with one slash", "http:/internal.example/x"],
    ["http with a fragment", "http://internal.example/x#y"],
    ["http without the slash of its path", "http://internal.example"],
    ["http without the slash before its query", "http://internal.example?a=b"],
    ["the default port of http", "http://internal.example:80/x"],
    ["the default port of wss", "wss://internal.example:443/x"],
    ["an empty port", "http://internal.example:/x"],
    ["a port with zeros", "db://host:0080/x"],
    ["a port too large", "http://internal.example:65536/"],
    ["an empty host", "http:///x"],
    ["a dot after the host", "http://internal.example./"],
    ["a dot between host and port", "http://internal.example.:8080/"],
    ["an IPv4 address as one number", "http://2852039166/"],
    ["an IPv4 address in hex", "http://0xa9fea9fe/"],
    ["an IPv4 address in octal", "http://0251.0376.0251.0376/"],
    ["an IPv4 address cut short", "http://127.1/"],
    ["an IPv4 address as IPv6", "http://[::ffff:a9fe:a9fe]/"],
    ["an IPv6 address with zeros", "http://[0:0:0:0:0:0:0:1]/"],
    ["user information in any scheme", "git://git@host/a"],
    ["an encoded @ in the host", "git://git%40host/a"],
    ["dots after a question mark", "db:///public/x?/../../secret/key"],
    ["dots after a number sign", "db:///public/x#/../../secret/key"],
    ["dots as a value of the query", "db://x?path=../secret"],
    ["dots and an encoded character", "db://x/..%20/secret"],
    ["an encoded slash in the query", "db://x?a=%2F"],
    ["an empty query", "db://x?"],
    ["an empty fragment", "db://x#"],
    ["a dot encoded twice", "file:///a/%252E%252E/b"],
    ["a dot of two bytes", "file:///a/%C0%AE/b"],
    ["bytes that are not UTF-8", "file:///%E9"],
    ["a tab", "file:///a\tb"],
    ["a quote in the query of http", "http://internal.example/?a='"],
  ])("%s", (_, uri) => {
    expect(isNormalUri(uri)).toBe(false);
  });
});

const letters = "a A 0 1 x . .. / // : :80 :443 ? # @ [ ] [::1] :: ; & = ' * + \\ | ^ é".split(" ");
const encodings = "% %2 %2F %2E %41 %C3%A9 %c3 %20 %25".split(" ");
const hosts = "localhost 127.0.0.1 0x7f 2130706433".split(" ");
const pieces = fc.constantFrom(...letters, ...encodings, ...hosts, "\t", " ");
const schemes = fc.constantFrom("http", "https", "ws", "ftp", "file", "x", "db", "x+file", "HTTP");
const uris = fc
  .tuple(schemes, fc.constantFrom(":", ":/", "://", ":///", "://h/", "://h", ""), fc.array(pieces))
  .map(([scheme, start, rest]) => scheme + start + rest.join(""));

test("Every normal URI is what a URL parser writes, so no two of them are one URL", () => {
  let normal = 0;
  fc.assert(
    fc.property(fc.array(uris, { minLength: 10, maxLength: 10 }), (several) => {
      const kept = [...new Set(several.filter(isNormalUri))];
      normal += kept.length;
      for (const uri of kept) expect(new URL(uri).href).toBe(uri);
      expect(new Set(kept.map((uri) => new URL(uri).href)).size).toBe(kept.length);
    }),
    { numRuns: 2000 },
  );
  expect(normal).toBeGreaterThan(500);
});

test("No second spelling of a URL is normal", () => {
  const respell = fc.constantFrom<(uri: string) => string>(
    (uri) => uri.replace("://", ":"),
    (uri) => uri.replace("://", ":/"),
    (uri) => uri.replace("://", ":///"),
    (uri) => uri.toUpperCase(),
    (uri) => uri.replace(/[a-z]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    (uri) => uri.replace(/a/, "%61"),
    (uri) => uri.replaceAll("/", "\\"),
    (uri) => uri.replace(/(:\/\/[^/]*)/, "$1:80"),
    (uri) => uri.replace(/(:\/\/[^/]*)/, "$1:443"),
    (uri) => uri.replace(/(:\/\/[^/]*)/, "$1:"),
    (uri) => uri.replace("://", "://@"),
    (uri) => uri.replace("file://", "file://localhost"),
    (uri) => uri.replace(/\/$/, "/x/.."),
    (uri) => uri.replace(/\/$/, "/."),
    (uri) => `${uri} `,
    (uri) => `\t${uri}`,
    (uri) => `${uri}\n`,
  );
  fc.assert(
    fc.property(uris, respell, (uri, change) => {
      const other = change(uri);
      fc.pre(isNormalUri(uri) && other !== uri && URL.canParse(other));
      if (new URL(other).href === new URL(uri).href) expect(isNormalUri(other)).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test("A URI of megabytes is judged at once", () => {
  const start = performance.now();
  for (const part of ["%20", "/..", "a=.", "..", "%"]) isNormalUri("x://a/" + part.repeat(500_000));
  expect(performance.now() - start).toBeLessThan(2000);
});

describe("couldBeNormalUri", () => {
  test.each([
    ["*", true],
    ["*.csv", true],
    ["https://*", true],
    ["https://*/*", true],
    ["https://example.com*", true],
    ["https://*.example.com*", true],
    ["http://host:*/x", true],
    ["https://*:*/*", true],
    ["http*://host/", true],
    ["file://*", true],
    ["file:*", true],
    ["file:///*/a", true],
    ["file:///*/../*", false],
    ["file://localhost/*", false],
    ["http://host:80/*", false],
    ["http:/*", false],
    ["HTTP://*", false],
    ["file:///a//*", false],
    ["http://host", false],
  ])("of %s: %s", (glob, expected) => {
    expect(couldBeNormalUri(glob.split("*"))).toBe(expected);
  });

  test("holds of every normal URI in which some segments are left open", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9_~-]{1,4}$/);
    const segments = fc.array(fc.tuple(word, fc.boolean()), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(segments, fc.constantFrom("db", "urn:x", "x+y"), (parts, scheme) => {
        const glob = parts.map(([text, isOpen]) => (isOpen ? "*" : text)).join("/");
        expect(isNormalUri(`${scheme}://${parts.map(([text]) => text).join("/")}`)).toBe(true);
        expect(couldBeNormalUri(`${scheme}://${glob}`.split("*"))).toBe(true);
      }),
    );
  });
});

describe("isNormalTemplate", () => {
  test.each([
    ["file:///public/{name}", true],
    ["file://{+path}", true],
    ["weather://{city}/now", true],
    ["x://files/{name}.{ext}", true],
    ["git://diff/{from}..{to}", true],
    ["repo://{owner}/{repo}/contents{/path*}", true],
    ["search://notes{?query,limit}", true],
    ["search://notes{?query, limit}", true],
    ["https://{host}:{port}/{resource-id}", true],
    ["file:///public/../private/{name}", false],
    ["file:///public/{name}/../private", false],
    ["file:///public/..{name}", false],
    ["file:///public/{name}../private", false],
    ["file:///public/%2E%2E/{name}", false],
    ["file://localhost/{name}", false],
    ["FILE:///{name}", false],
    ["{name}", false],
    ["{scheme}://a", false],
    ["{+uri}", false],
    ["x://{/../a}", false],
    ["x://{}", false],
    ["x://{a", false],
    ["x://a}", false],
  ])("of %s: %s", (template, expected) => {
    expect(isNormalTemplate(template)).toBe(expected);
  });
});

test("isNormalUri accepts no http URI that a URL parser would spell another way", () => {
  const path = fc.string({
    unit: fc.constantFrom("a", "/", ".", "%", "2", "E", "e", ";", "\\", "?"),
  });
  fc.assert(
    fc.property(path, (rest) => {
      const uri = `https://example.com/${rest}`;
      fc.pre(isNormalUri(uri));
      expect(new URL(uri).href).toBe(uri);
    }),
    { numRuns: 2000 },
  );
});

describe("templateToGlob", () => {
  test.each([
    ["file:///{path}", "file:///*"],
    ["db://{table}/rows/{id}", "db://*/rows/*"],
    ["search://q{?query,limit}", "search://q*"],
    ["plain://a", "plain://a"],
  ])("%s becomes %s", (template, glob) => {
    expect(templateToGlob(template)).toBe(glob);
  });

  test("matches what the template expands to", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (table, id) => {
        const matches = compileGlob(templateToGlob("db://{table}/rows/{+id}"));
        expect(matches(`db://${table}/rows/${id}`)).toBe(true);
      }),
    );
  });
});
