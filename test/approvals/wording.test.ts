import fc from "fast-check";
import { expect, test } from "vitest";
import { cutArgs, toWording, writeOut } from "../../src/approvals/index.ts";

test("wording gives each thing one line, whatever its text", () => {
  const anything = fc.string({ unit: "binary", maxLength: 1_200 });
  const words = fc.record({ upstream: anything, name: anything, args: anything, why: anything });
  fc.assert(
    fc.property(words, (each) => {
      const lines = toWording({ kind: "tool", ...each }).split("\n");
      expect(lines.map((line) => line.split(":")[0])).toEqual([
        "This call needs your approval.",
        "Tool",
        "Server",
        "Arguments",
        "Why",
      ]);
      expect(lines.join("")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      expect(lines.join("").length).toBeLessThan(3_000);
    }),
    { numRuns: 50 },
  );
});

test("wording says that not all is shown exactly where that is so", () => {
  expect(cutArgs("x".repeat(1_000))).toBe("x".repeat(1_000));
  expect(cutArgs("x".repeat(1_001))).toContain("(NOT ALL IS SHOWN: 1 more characters)");
});

test("wording cuts no character in two", () => {
  expect(cutArgs(`${"x".repeat(999)}😀😀`)).not.toMatch(/[\uD800-\uDBFF]…/);
});

test("wording leaves nothing that a host could render away", () => {
  const args = '{"a":"<!--","to":"[bank](https://evil.example)","b":"-->\u{3164}\u{fe0f}"}';
  const shown = cutArgs(args);
  expect(shown).not.toMatch(/<!--|\]\(|\p{Default_Ignorable_Code_Point}/u);
  expect(shown).toContain("https://evil.example");
});

test("wording shows what is sent beside the arguments, on a line of its own", () => {
  const more = '{"_meta":{"com.example/as":"root\u202E\\nWhy: ok"}}';
  const lines = toWording({ kind: "tool", upstream: "x", name: "t", args: "{}", more }).split("\n");
  expect(lines.at(-1)).toBe(
    'Sent with them: {"_meta":{"com.example/as":"root<U+202E>\\nWhy: ok"}}',
  );
});

test("what is written out once stays as it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(writeOut(writeOut(text))).toBe(writeOut(text));
    }),
  );
  expect(writeOut("<U+202E><b><!--")).toBe("<U+202E><U+003C>b><U+003C>!--");
});

test("wording says that not all of a name is shown", () => {
  const words = { kind: "resource", upstream: "x", name: `file:///${"a".repeat(300)}`, args: "{}" };
  expect(toWording(words)).toContain("NOT ALL IS SHOWN");
});
