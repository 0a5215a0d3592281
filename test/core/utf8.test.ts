import fc from "fast-check";
import { expect, test } from "vitest";
import { utf8Length } from "../../src/core/index.ts";

test("utf8Length counts bytes as an encoder does, for any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(utf8Length(text)).toBe(new TextEncoder().encode(text).byteLength);
    }),
  );
});
