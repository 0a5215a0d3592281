import * as fc from "fast-check";
import { expect, test } from "vitest";
import { reread, textOf, toValue } from "../../src/mcp/index.ts";
import {
  dataPlace,
  editLeaves,
  resultPlace,
  structurePlace,
  toLeaves,
} from "../../src/sanitize/index.ts";

type Span = readonly [start: number, end: number, replacement?: string];

function edit(text: string, ...spans: readonly Span[]): string {
  return editOf(toLeaves, text, spans);
}
function editOf(
  read: (parts: Parameters<typeof toLeaves>[0]) => ReturnType<typeof toLeaves>,
  text: string,
  spans: readonly Span[],
): string {
  const json = reread(text);
  const leaves = read([[json, structurePlace]]);
  const named = spans.map(([start, end, replacement = ""]) => ({ start, end, replacement }));
  const edited = editLeaves(json, leaves, named);
  return edited === undefined ? "clash" : textOf(edited);
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

const readKeyed = (parts: Parameters<typeof toLeaves>[0]): ReturnType<typeof toLeaves> =>
  toLeaves(parts, { withKeys: true });
const editKeyed = (text: string, ...spans: readonly Span[]): string =>
  editOf(readKeyed, text, spans);

test("keys are texts too where they are asked for, each before its value, and empty ones are none", () => {
  const text = '{"a":"1","":"2","b":{"c":["3",{"d":4}]},"e":""}';
  expect(readKeyed([[reread(text), structurePlace]]).text).toBe(
    ["a", "1", "2", "b", "c", "3", "d", "e"].join("\u001e"),
  );
  expect(toLeaves([[reread(text), structurePlace]]).text).toBe("1\u001e2\u001e3");
});

test.each([
  ["a call's result", "tools/call", (json: string) => json],
  ["a task's result", "tasks/get", (json: string) => `{"taskId":"t","result":${json}}`],
])("of %s only the keys of structured content are texts", (_, method, wrap) => {
  const result = `{"content":[{"type":"text","text":"t","_meta":{"m":"v"}}],"structuredContent":{"k":{"l":1}},"x":{"y":"z"}}`;
  const { text } = readKeyed([[reread(wrap(result)), resultPlace(method)]]);
  expect(text).toBe(["t", "v", "k", "l", "z"].join("\u001e"));
});

test.each<[string, string, readonly Span[], string]>([
  ["a key", '{"abc" : 1.0}', [[1, 2, "X"]], '{"aXc" : 1.0}'],
  ["escapes beside the span", '{"\\u0061bc":1}', [[1, 2, '"']], '{"\\u0061\\"c":1}'],
  ["a span from a key into its value", '{"ab":"cd"}', [[1, 4, "X"]], '{"aX":"d"}'],
  ["the whole of a key", '{"ab":1}', [[0, 2]], '{"":1}'],
  ["a key that becomes another one", '{"ab":1,"b":2}', [[0, 1]], "clash"],
  ["a key that becomes an escaped one", '{"ab":1,"\\u0062":2}', [[0, 1]], "clash"],
  ["a key that becomes the empty one", '{"ab":1,"":2}', [[0, 2]], "clash"],
  [
    "two keys that become the same",
    '{"ab":1,"cb":2}',
    [
      [0, 1, "X"],
      [3, 4, "X"],
    ],
    "clash",
  ],
  [
    "two keys that change places",
    '{"a":1,"b":2}',
    [
      [0, 1, "b"],
      [2, 3, "a"],
    ],
    '{"b":1,"a":2}',
  ],
  [
    "a key that becomes one of another object",
    '{"ab":1,"c":{"b":2}}',
    [[0, 1]],
    '{"b":1,"c":{"b":2}}',
  ],
])("%s is spliced into the source, or refused", (_, text, spans, expected) => {
  expect(editKeyed(text, ...spans)).toBe(expected);
});

test("whatever is taken out, keys stay apart, and what lies outside of the spans keeps its bytes", () => {
  const word = fc.oneof(
    fc.constantFrom("a", "ab", "b", "aa", "\ud83d\ude00", "\u001e", '"\\', "é"),
    fc.string({ unit: "grapheme", maxLength: 6 }),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      word,
      fc.constantFrom(1, true, null),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(word, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  const marks = fc.array(fc.tuple(fc.nat(40), fc.nat(6)), { maxLength: 4 });
  let clashes = 0;
  fc.assert(
    fc.property(value, marks, fc.constantFrom("", "X", "a"), (given, places, replacement) => {
      const source = JSON.stringify(given, undefined, 1);
      const json = reread(source);
      const leaves = readKeyed([[json, structurePlace]]);
      const spans = toDisjoint(places, leaves.text).map(([start, end]) => ({
        start,
        end,
        replacement,
      }));
      const edited = editLeaves(json, leaves, spans);
      if (edited === undefined) {
        clashes++;
        return;
      }
      const text = textOf(edited);
      // It throws for a duplicate key.
      const again = readKeyed([[reread(text), structurePlace]]);
      if (spans.length === 0) expect(text).toBe(source);
      // Bytes between the leaves, which no span touches.
      expect(between(text)).toEqual(between(source));
      const before = leaves.nodes.map(({ value: own }) => own);
      const after = again.nodes.map(({ value: own }) => own);
      const isCut = toTouched(before, spans);
      const kept = before.filter((_, index) => !isCut[index]);
      // A leaf that was emptied is none any more; the others stand in the same order.
      let at = 0;
      for (const own of after) if (own === kept[at]) at++;
      expect(at).toBe(kept.length);
    }),
    { numRuns: 2_000 },
  );
  expect(clashes).toBeGreaterThan(0);
});

function toDisjoint(
  places: readonly (readonly [at: number, length: number])[],
  { length }: string,
): (readonly [number, number])[] {
  const sorted = places.toSorted((a, b) => a[0] - b[0]);
  const spans: (readonly [number, number])[] = [];
  for (const [at, size] of sorted) {
    const start = Math.max(at, spans.at(-1)?.[1] ?? 0);
    const end = Math.min(start + size, length);
    if (end > start) spans.push([start, end]);
  }
  return spans;
}

/** Which leaves a span reaches into. */
function toTouched(
  values: readonly string[],
  spans: readonly { readonly start: number; readonly end: number }[],
): readonly boolean[] {
  let start = 0;
  return values.map((own) => {
    const from = start;
    const to = from + own.length;
    start = to + 1;
    return spans.some((span) => span.start <= to && span.end >= from);
  });
}

/** A JSON text without what its strings say. */
function between(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
}
