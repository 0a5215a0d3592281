import * as fc from "fast-check";
import { expect, test } from "vitest";
import { reread, textOf, toValue } from "../../src/mcp/index.ts";
import { dataPlace, editLeaves, resultPlace, toLeaves } from "../../src/sanitize/index.ts";

type Span = readonly [start: number, end: number, replacement?: string];

function edit(text: string, ...spans: readonly Span[]): string {
  const json = reread(text);
  const leaves = toLeaves([[json, dataPlace]]);
  const named = spans.map(([start, end, replacement = ""]) => ({ start, end, replacement }));
  return textOf(editLeaves(json, leaves, named));
}
const joined = (text: string): string => toLeaves([[reread(text), dataPlace]]).text;

test("the texts of a value are joined by U+001E, in order and without keys and empty ones", () => {
  expect(joined('{"k":"a","l":["b","",{"m":"c"}],"n":1,"o":null}')).toBe("a\u001eb\u001ec");
});

test("names, addresses and base64 of a tool's result are no text", () => {
  const result = reread(
    '{"content":[{"type":"image","data":"aGk=","mimeType":"image/png"},{"type":"resource_link","uri":"u:a","name":"n","title":"t"}],"taskId":"i"}',
  );
  expect(toLeaves([[result, resultPlace("tools/call")]]).text).toBe("t");
});

test.each<[string, string, readonly Span[], string]>([
  ["one span", '["abc"]', [[1, 2, "X"]], '["aXc"]'],
  ["a span that is cut out", '["abc"]', [[0, 3]], '[""]'],
  [
    "two spans of one leaf",
    '["abcd"]',
    [
      [0, 1, "1"],
      [2, 3, "3"],
    ],
    '["1b3d"]',
  ],
  [
    "spans of two leaves",
    '["ab", "cd"]',
    [
      [1, 2, "1"],
      [3, 4, "2"],
    ],
    '["a1", "2d"]',
  ],
  ["a span across the separator", '["ab", "cd"]', [[1, 4, "X"]], '["aX", "d"]'],
  ["a span over three leaves", '["ab","c","de"]', [[1, 6, "X"]], '["aX","","e"]'],
  ["a span that begins on the separator", '["ab","cd"]', [[2, 4, "X"]], '["ab","Xd"]'],
  ["a span of the separator alone", '["ab","cd"]', [[2, 3, "X"]], '["ab","cd"]'],
  ["an empty span", '["ab","cd"]', [[2, 2, "X"]], '["abX","cd"]'],
  ["an empty span at a leaf's start", '["ab","cd"]', [[3, 3, "X"]], '["ab","Xcd"]'],
  ["escapes beside the span", '["\\/\\u0041b\\n", 1.0]', [[2, 3, "X"]], '["\\/\\u0041X\\n", 1.0]'],
  ["a replacement that needs escapes", '["ab"]', [[0, 1, '"\n']], '["\\"\\nb"]'],
  ["a separator inside of a leaf", '["a\\u001eb","c"]', [[2, 3, "X"]], '["a\\u001eX","c"]'],
  ["a span behind a separator inside", '["a\\u001eb","c"]', [[4, 5, "X"]], '["a\\u001eb","X"]'],
  ["half a character", '["a😀b"]', [[1, 2, "X"]], '["aXb"]'],
  ["the other half", '["a😀b"]', [[2, 3, "X"]], '["aXb"]'],
  [
    "both halves by two spans",
    '["a😀b"]',
    [
      [1, 2, "X"],
      [2, 3, "Y"],
    ],
    '["aXb"]',
  ],
  ["a replacement that is half a character", '["ab"]', [[0, 1, "\ud83d"]], '["\ufffdb"]'],
])("%s is spliced into the source", (_, text, spans, expected) => {
  expect(edit(text, ...spans)).toBe(expected);
});

test("a separator inside of a leaf is none in the joined text", () => {
  expect(joined('["Proj\\u001eect","X"]')).toBe("Proj\u001fect\u001eX");
});

test("what lies outside of the spans is what it was, whatever the texts are", () => {
  const leaf = fc.string({ unit: "grapheme", maxLength: 12 });
  const bounds = fc.tuple(fc.nat(60), fc.nat(60));
  fc.assert(
    fc.property(fc.array(leaf, { minLength: 1, maxLength: 5 }), bounds, (texts, [one, other]) => {
      const source = JSON.stringify(texts);
      const whole = joined(source);
      const start = Math.min(one, other, whole.length);
      const end = Math.min(Math.max(one, other), whole.length);
      const after = toValue(reread(edit(source, [start, end]))) as string[];
      let at = 0;
      for (const [index, text] of texts.entries()) {
        if (text === "") {
          expect(after[index]).toBe("");
          continue;
        }
        // By characters, since half of one goes with the other half; of nothing there is no half.
        let kept = "";
        for (const character of text) {
          if (at + character.length <= start || at >= end || start === end) kept += character;
          at += character.length;
        }
        expect(after[index]).toBe(kept);
        at++;
      }
    }),
  );
});
