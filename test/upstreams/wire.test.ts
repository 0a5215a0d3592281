import { expect, test } from "vitest";
import { toLine } from "../../src/upstreams/wire.ts";

test("toLine has its only line break at its end", () => {
  expect(toLine('{"a":\r\n\n1}')).toBe('{"a": 1}\n');
});
