import { expect, test } from "vitest";
import { cleanText, resolveSettings } from "../../src/sanitize/index.ts";
import { githubToken, secrets } from "./samples.ts";

const settings = resolveSettings();

const encodings: readonly (readonly [string, (secret: string) => string])[] = [
  ["base64", (x) => btoa(x)],
  ["base64 in a sentence", (x) => `The file holds ${btoa(`token is ${x}\n`)} and more`],
  ["base64 behind a path", (x) => `/data/v1/${btoa(`token is ${x}`)}`],
  ["base64 without padding", (x) => btoa(`a ${x}`).replace(/=+$/, "")],
  ["base64url", (x) => btoa(`ÿÿ>? ${x}`).replaceAll("+", "-").replaceAll("/", "_")],
  ["base64 of UTF-16", (x) => Buffer.from(x, "utf16le").toString("base64")],
  [
    "base64 in lines",
    (x) => btoa(`${"some text before it ".repeat(4)}${x}`).replace(/.{76}/g, "$&\r\n"),
  ],
  ["hex", (x) => Buffer.from(x).toString("hex")],
  ["upper-case hex with a prefix", (x) => `0x${Buffer.from(x).toString("hex").toUpperCase()}`],
  ["percent-encoding of everything", (x) => x.replace(/[^]/g, (c) => percent(c))],
  ["percent-encoding of one letter", (x) => percent(x[0]!) + x.slice(1)],
  ["decimal entities", (x) => x.replace(/[^]/g, (c) => `&#${c.charCodeAt(0)};`)],
  ["hex entities", (x) => x.replace(/[^]/g, (c) => `&#x${c.charCodeAt(0).toString(16)};`)],
  ["escapes", (x) => x.replace(/[^]/g, (c) => `\\u${hex(c, 4)}`)],
  ["short escapes", (x) => x.replace(/[^]/g, (c) => `\\x${hex(c, 2)}`)],
  ["an escaped line before it", (x) => `first\\n${x}`],
  ["zero-width characters", (x) => [...x].join("\u200b")],
  ["soft hyphens", (x) => `${x.slice(0, 3)}\u00ad${x.slice(3)}`],
  ["tags", (x) => `${x.slice(0, 3)}\u{e0041}${x.slice(3)}`],
  ["a bidirectional override", (x) => `${x.slice(0, 7)}\u202e${x.slice(7)}`],
  ["terminal colours", (x) => `${x.slice(0, 2)}\u001b[31m${x.slice(2, 9)}\u001b[0m${x.slice(9)}`],
  ["a variation selector", (x) => `${x.slice(0, 2)}\ufe0f${x.slice(2)}`],
  ["a left-to-right mark", (x) => `${x.slice(0, 2)}\u200e${x.slice(2)}`],
  ["fullwidth letters", (x) => x.replace(/[!-~]/g, (c) => char(c.charCodeAt(0) + 0xfee0))],
  ["one fullwidth letter", (x) => x.replace(/[a-z]/, (c) => char(c.charCodeAt(0) + 0xfee0))],
  ["encoded zero-width characters", (x) => `${x.slice(0, 4)}%E2%80%8B&#8203;${x.slice(4)}`],
];

function percent(character: string): string {
  return `%${hex(character, 2)}`;
}
function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, "0");
}
function char(code: number): string {
  return String.fromCharCode(code);
}

test.each(encodings)("no secret survives in %s", (_, encode) => {
  for (const [kind, secret] of secrets) {
    const hidden = encode(secret);
    const { text, redactions } = cleanText(`a ${hidden} z`, settings);
    expect(redactions.map((each) => each.kind)).toContain(kind);
    expect(text).not.toContain(hidden);
    expect(text.startsWith("a ") && text.endsWith(" z"), text).toBe(true);
  }
});

test("only the encoded run of a text is replaced", () => {
  const { text } = cleanText(`before ${btoa(`t=${githubToken}`)} after`, settings);
  expect(text).toBe("before [redacted:github-token] after");
  expect(cleanText(`é%20&amp;${percent("g")}${githubToken.slice(1)}%20ß`, settings).text).toBe(
    "é%20&amp;[redacted:github-token]%20ß",
  );
});

test("encoded text beside a secret stays", () => {
  expect(cleanText(`a%20${githubToken}%20&lt;`, settings).text).toBe(
    "a%20[redacted:github-token]%20&lt;",
  );
});

test("encoded text without a secret stays as it is written", () => {
  for (const text of [
    "a%20b%2Fc",
    "Tom &amp; Jerry &lt;3",
    "C:\\new\\temp",
    "ｆｕｌｌｗｉｄｔｈ",
    btoa("nothing to see in here at all"),
    Buffer.from("nothing to see in here at all").toString("hex"),
  ]) {
    expect(cleanText(text, settings)).toEqual({ text, redactions: [], denied: undefined });
  }
});
