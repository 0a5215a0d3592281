import fc from "fast-check";
import { describe, expect, test } from "vitest";
import plugin, { type Config } from "../../plugins/dlp-terms.ts";
import { type Verdict, askText } from "./ask-text.ts";
import { runShipped } from "./run-shipped.ts";

runShipped("dlp-terms", { terms: ["Falcon", "Project X"], patterns: ["PRJ-####-*"] });

function ask(config: Config, text: string): Verdict {
  return askText(plugin, config, text);
}

/** What was found, as it stands in the text. */
function found(config: Config, text: string): readonly string[] {
  const verdict = ask(config, text);
  return verdict.action === "redact" ? verdict.spans.map(([from, to]) => text.slice(from, to)) : [];
}

describe("dlp-terms", () => {
  test.each([
    ["\u00ad"],
    ["\u200b"],
    ["\u200d"],
    ["\u2060"],
    ["\ufeff"],
    ["\u202e"],
    ["\u034f"],
    ["\ufe0f"],
    ["\u3164"],
    ["\u{e0041}"],
    ["\u{e01ef}"],
    ["\u0000"],
    ["\u007f"],
    ["\u009b"],
    ["\u001b[31m"],
    ["\u001b]0;title\u0007"],
    ["\u001bM"],
  ])("looks through %j at every place of a word", (unseen) => {
    for (let at = 1; at < 6; at++) {
      const hidden = `fal${unseen}con`;
      expect(found({ terms: ["Falcon"] }, `a ${hidden}, b`)).toEqual([hidden]);
    }
  });

  test("finds each of 2,000 terms", () => {
    const terms = Array.from({ length: 2000 }, (_, at) => `t${(at * 7919).toString(36)} x${at}`);
    const text = terms.join(", ").toUpperCase();
    expect(found({ terms }, text)).toEqual(terms.map((term) => term.toUpperCase()));
  });

  test("reads a hundred terms that begin alike", () => {
    const terms = Array.from({ length: 100 }, (_, at) => "a".repeat(at + 1));
    expect(found({ terms }, `${"a".repeat(100)} ${"A".repeat(7)} ${"a".repeat(101)}`)).toEqual([
      "a".repeat(100),
      "A".repeat(7),
    ]);
  });

  test.each([["a*b*c"], ["*"], ["**"], ["***"], ["\u200b"], ["*\\\u00ad*"]])(
    "refuses the pattern %j",
    (pattern) => {
      expect(() => ask({ patterns: [pattern] }, "")).toThrow("needs something beside");
    },
  );

  const units = fc.constantFrom(
    ..."aAfFäßſİıKΣςé\u0301\u200b\u00ad\u001e\u001b[m \n1#😀ﷺﬁ각",
    "\ud800",
    "\udc00",
    "falcon",
    "Project  X",
  );
  const anyText = fc.array(units, { maxLength: 60 }).map((parts) => parts.join(""));
  const configs: readonly Config[] = [
    { terms: ["Falcon", "Project X", "ß"], parts: ["fa"], patterns: ["#", "*f", "a*a"] },
    { terms: ["falcon"], except: ["project x"], compatibility: false },
  ];

  test.each(configs)("gives spans of the text, in order and apart, for any text: %j", (config) => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.string({ unit: "binary" })), (text) => {
        const verdict = ask(config, text);
        if (verdict.action !== "redact") return verdict.action === "allow";
        let last = 0;
        return verdict.spans.every(([from, to]) => {
          const isGood = from >= last && to > from && to <= text.length;
          last = to;
          return isGood;
        });
      }),
      { numRuns: 2_000 },
    );
  });

  test("finds a term in any case, with anything unseen in it, between any other words", () => {
    const other = fc.string({ unit: fc.constantFrom(..."xyzäΩя9é\u0301😀ﷺ"), minLength: 1 });
    const unseen = fc.constantFrom("", "\u200b", "\u00ad\u2060", "\u001b[0m", "\u{e0020}");
    const letters = fc.tuple(...[..."falcon"].map((c) => fc.constantFrom(c, c.toUpperCase())));
    fc.assert(
      fc.property(
        fc.array(other),
        letters,
        fc.array(unseen, { minLength: 5, maxLength: 5 }),
        (words, cased, gaps) => {
          const hidden = cased.map((letter, at) => letter + (gaps[at] ?? "")).join("");
          const before = words.map((word) => `${word} `).join("");
          expect(found({ terms: ["Falcon"] }, `${before}${hidden} ${before}`)).toEqual([hidden]);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
