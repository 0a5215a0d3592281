import fc from "fast-check";
import { expect, test } from "vitest";
import { escapeControls, escapeUnseen, toCodePoint } from "../../src/core/index.ts";

const unseen = [
  "\u0000",
  "\u007f",
  "\u00ad",
  "\u200b",
  "\u202e",
  "\u2028",
  "\u0600",
  "\u115f",
  "\ud800",
  "\u{e0041}",
];
const text = fc
  .array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...unseen)))
  .map((parts) => parts.join(""));

test("escapeUnseen leaves nothing unseen in a JSON text, and nothing of what it says aside", () => {
  fc.assert(
    fc.property(text, (said) => {
      const json = escapeUnseen(JSON.stringify(said));
      expect(json).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
      expect(JSON.parse(json)).toBe(said);
    }),
  );
});

test("escapeControls keeps a text on its line, and what is no control as it is", () => {
  expect(escapeControls("a\u001b[2J\r\n\u2028b\u202eé")).toBe(
    "a\\u001b[2J\\u000d\\u000a\\u2028b\u202eé",
  );
});

test.each([
  ["<U+000A>", "\n"],
  ["<U+E0041>", "\u{e0041}"],
  ["<U+D800>", "\ud800"],
])("toCodePoint writes %s", (expected, character) => {
  expect(toCodePoint(character)).toBe(expected);
});
