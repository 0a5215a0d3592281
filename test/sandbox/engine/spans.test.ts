import { expect, test } from "vitest";
import { toSpans } from "../../../src/sandbox/engine/spans.ts";

test("spans come out in order, with what overlaps made one", () => {
  const given = [
    [6, 8],
    [0, 3, "a"],
    [2, 5, "b"],
    [5, 6, "c"],
    [7, 7],
  ];
  expect(toSpans(given, "0123456789")).toEqual([
    { start: 0, end: 5, replacement: "a" },
    { start: 5, end: 6, replacement: "c" },
    { start: 6, end: 8, replacement: "" },
  ]);
});

test("a span takes a surrogate pair whole", () => {
  expect(toSpans([[2, 4]], "a😀😀b")).toEqual([{ start: 1, end: 5, replacement: "" }]);
});

test.each([
  [undefined],
  [{}],
  [[[0]]],
  [[[0, 11]]],
  [[[-1, 2]]],
  [[[3, 2]]],
  [[[0, 1.5]]],
  [[["0", 1]]],
  [[[0, 1, 2]]],
  [[[0, 1, "a", 1]]],
  [[{ start: 0, end: 1 }]],
])("%j are no spans of ten characters", (given) => {
  expect(toSpans(given, "0123456789")).toBeUndefined();
});
