import { expect, test } from "vitest";
import { toSafeLine, toSafeText } from "../../src/cli/safe-text.ts";

test.each([
  ["a Hangul filler", 0x115f],
  ["another Hangul filler", 0x3164],
  ["a Hangul filler of half width", 0xffa0],
  ["a Mongolian variation selector", 0x180b],
  ["a Mongolian vowel separator", 0x180e],
  ["a variation selector", 0xfe0f],
  ["a variation selector of the supplement", 0xe0101],
  ["a combining grapheme joiner", 0x034f],
  ["a Khmer vowel that is not drawn", 0x17b4],
  ["a tag", 0xe0041],
  ["a zero width space", 0x200b],
  ["a turn of the direction", 0x202e],
  ["a line separator", 0x2028],
  ["an escape", 0x1b],
  ["half of a character", 0xd800],
])("%s is written out", (_, code) => {
  const hex = code.toString(16).toUpperCase().padStart(4, "0");
  expect(toSafeText(`a${String.fromCodePoint(code)}b`)).toBe(`a<U+${hex}>b`);
});

test("what a person sees stays as it is", () => {
  const text = "Zoë 日本語 한글 \u{1F600}\n\tمرحبا";
  expect(toSafeText(text)).toBe(text);
});

test("a line is cut behind what is written out", () => {
  expect(toSafeLine("  a\n\u3164 b ", 80)).toBe("a <U+3164> b");
  expect(toSafeLine("abc", 2)).toBe("a…");
});
