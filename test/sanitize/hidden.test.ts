import * as fc from "fast-check";
import { expect, test } from "vitest";
import { cleanText, resolveSettings } from "../../src/sanitize/index.ts";

const strip = resolveSettings();
const show = resolveSettings({ hidden: "show" });
const clean = (text: string) => cleanText(text, strip).text;

test.each([
  ["colours", "\u001b[1;31mred\u001b[0m", "red"],
  ["a cursor movement", "a\u001b[2Kb", "ab"],
  ["a window title", "\u001b]0;title\u0007text", "text"],
  ["a link", "\u001b]8;;https://x.example\u001b\\text\u001b]8;;\u001b\\", "text"],
  ["a device string", "\u001bPq#0\u001b\\text", "text"],
  ["C1 sequences", "\u009b31mred", "red"],
  ["an unfinished sequence", "a\u001b[", "a["],
  ["a lone escape", "a\u001b", "a"],
  ["C0", "a\u0000b\u0007c\u0008d\u000be\u000cf", "abcdef"],
  ["DEL and C1", "a\u007fb\u0085c", "abc"],
  ["tags", "a\u{e0001}\u{e0041}\u{e007f}b", "ab"],
  ["variation selectors of the supplement", "a\u{e0100}\u{e01ef}b", "ab"],
  ["zero-width characters", "a\u200bb\u2060c\ufeffd", "abcd"],
  ["bidirectional controls", "a\u202ab\u202ec\u2066d\u2069e", "abcde"],
  ["soft hyphens", "co\u00adop", "coop"],
  ["joiners between Latin letters", "a\u200db\u200cc", "abc"],
])("strip takes out %s", (_, text, expected) => {
  expect(clean(text)).toBe(expected);
});

test.each([
  ["tab and line breaks", "a\tb\nc\r\nd"],
  ["a family", "👨‍👩‍👧‍👦"],
  ["a skin tone with a profession", "👩🏽‍🔬"],
  ["a heart on fire", "❤️‍🔥"],
  ["Persian", "می‌خواهم"],
  ["Devanagari", "क्‍ष और क्‌ष"],
  ["Hebrew and Arabic with their marks", "שלום\u200e مرحبا\u200f"],
  ["letters of many scripts", "Grüße, 日本語、한국어, ελληνικά"],
])("strip keeps %s", (_, text) => {
  expect(cleanText(text, strip)).toEqual({ text, redactions: [], denied: undefined });
});

test("show writes hidden characters out", () => {
  const { text, redactions } = cleanText("a\u{e0041}\u200b\u001b[31mb", show);
  expect(text).toBe("a<U+E0041><U+200B><U+001B>[31mb");
  expect(redactions).toEqual([{ kind: "hidden-character", where: "", count: 3 }]);
});

test("deny names what was found, and off leaves it", () => {
  expect(cleanText("a\u200bb", resolveSettings({ hidden: "deny" })).denied).toBe(
    'Found hidden-character at ""',
  );
  const off = cleanText("a\u200bb", resolveSettings({ hidden: "off" }));
  expect(off).toEqual({ text: "a\u200bb", redactions: [], denied: undefined });
});

test("after strip nothing hidden is left, and cleaning twice is cleaning once", () => {
  const unit = fc.oneof(
    fc.constantFrom("\u001b", "[", "]", "3", "m", "\u0007", "\u009c", "\u009b", "\\", "a"),
    fc.constantFrom(
      "\r",
      "\n",
      "\u200b",
      "\u200d",
      "\u{e0041}",
      "\udb40",
      "\udc41",
      "\u0600",
      "\u00ad",
    ),
    fc.string({ unit: "binary", maxLength: 2 }),
  );
  const hidden =
    /\r(?!\n)|(?![\t\n\r])[\p{Cc}\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u;
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 30 }), (units) => {
      const once = clean(units.join(""));
      expect(hidden.test(once)).toBe(false);
      expect(clean(once)).toBe(once);
    }),
  );
});

test.each([
  ["in a line", "safe\revil", "safeevil"],
  ["at the end", "a\r", "a"],
  ["before another that ends the line", "a\r\r\nb", "a\r\nb"],
  ["that something hidden keeps from the line feed", "a\r\u200b\nb", "a\nb"],
  ["beside other unusual characters", "é\r\n\u200b\rb", "é\r\nb"],
])("strip takes out a carriage return %s", (_, text, expected) => {
  expect(clean(text)).toBe(expected);
});

test("show writes a carriage return out, unless it ends a line", () => {
  expect(cleanText("a\rb\r\nc\u200b", show).text).toBe("a<U+000D>b\r\nc<U+200B>");
});
