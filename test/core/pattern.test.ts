import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  PatternLimitError,
  compileGlob,
  compileLinear,
  globsOverlap,
} from "../../src/core/index.ts";

const glob = fc.string({ unit: fc.constantFrom("a", "b", "/", "*"), maxLength: 8 });
const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "\n"), maxLength: 10 });

/** The plainest reading of a glob; exponential, and only good for short ones. */
function matchesPlainly(pattern: string, candidate: string): boolean {
  if (pattern === "") return candidate === "";
  if (pattern[0] !== "*") {
    return candidate[0] === pattern[0] && matchesPlainly(pattern.slice(1), candidate.slice(1));
  }
  if (matchesPlainly(pattern.slice(1), candidate)) return true;
  return candidate !== "" && matchesPlainly(pattern, candidate.slice(1));
}

function cpuMs(act: () => void): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe("compileGlob", () => {
  test("agrees with the plainest matcher on every short text", () => {
    fc.assert(
      fc.property(glob, text, (pattern, candidate) => {
        expect(compileGlob(pattern)(candidate)).toBe(matchesPlainly(pattern, candidate));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["weather://*", "weather:/evil", false],
    ["weather://*", "weather://today", true],
    ["weather/get", "weather/GET", false],
    ["weather/get", "weather/get\n", false],
    ["a*a", "a", false],
    ["ab*ba", "aba", false],
    ["w.*", "wx", false],
    ["*", "", true],
    ["a[bc]", "ab", false],
  ])("%s on %j is %s", (pattern, candidate, expected) => {
    expect(compileGlob(pattern)(candidate)).toBe(expected);
  });

  test("takes linear time where a backtracking matcher would not end", () => {
    const matches = compileGlob("*a".repeat(200) + "*b");
    expect(cpuMs(() => expect(matches("a".repeat(100_000))).toBe(false))).toBeLessThan(200);
  });
});

describe("globsOverlap", () => {
  test("is true exactly where some text matches both globs", () => {
    const letters = ["a", "b"];
    const texts = [""];
    // The shortest common text has no more characters than both globs have letters.
    for (const each of texts) {
      if (each.length < 8) texts.push(...letters.map((letter) => each + letter));
    }
    const short = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 4 });
    fc.assert(
      fc.property(short, short, (a, b) => {
        const [matchesA, matchesB] = [compileGlob(a), compileGlob(b)];
        const common = texts.some((each) => matchesA(each) && matchesB(each));
        expect(globsOverlap(a, b)).toBe(common);
      }),
      { numRuns: 500 },
    );
  });

  test("is the same both ways, and finds every glob overlapping itself", () => {
    fc.assert(
      fc.property(glob, glob, (a, b) => {
        expect(globsOverlap(a, b)).toBe(globsOverlap(b, a));
        expect(globsOverlap(a, a)).toBe(true);
      }),
    );
  });

  test.each([
    ["a*", "*b", true],
    ["a*", "b*", false],
    ["weather/*", "weather/get_*", true],
    ["weather/get", "weather/set", false],
    ["*x", "*y", false],
    ["a", "a*", true],
    ["", "*", true],
    ["", "a", false],
  ])("%j and %j is %s", (a, b, expected) => {
    expect(globsOverlap(a, b)).toBe(expected);
  });
});

describe("compileLinear", () => {
  test.each([
    ["^[a-z]+$", "abc", true],
    ["^[a-z]+$", "abc1", false],
    ["b", "abc", true],
    ["^\\u00e4$", "ä", true],
    ["^\\p{L}+$", "Grüße", true],
    ["^\\d{4}-\\d{2}$", "2026-07", true],
  ])("%s on %j is %s", (source, candidate, expected) => {
    expect(compileLinear(source)?.test(candidate)).toBe(expected);
  });

  test.each([
    ["a lookahead", "(?=a)b"],
    ["a back reference", "(a)\\1"],
    ["a syntax error", "(a"],
    ["more than 1024 characters", "a".repeat(1025)],
    ["nested repetitions", "((a{30}){30}){30}"],
    ["many large repetitions", "(a{0,1000})".repeat(90)],
    ["large groups repeated", `((${"a".repeat(400)}){30}){30}`],
  ])("refuses %s without compiling for long", (_, source) => {
    expect(cpuMs(() => expect(compileLinear(source)).toBeUndefined())).toBeLessThan(100);
  });

  test("answers at once where backtracking takes exponential time", () => {
    const pattern = compileLinear("^(a+)+$")!;
    expect(cpuMs(() => pattern.test("a".repeat(50_000) + "!"))).toBeLessThan(200);
  });

  test("throws for a text too long for its pattern instead of guessing", () => {
    const pattern = compileLinear("[ab]*a[ab]{200}[cd]")!;
    expect(() => pattern.test("ab".repeat(100_000))).toThrow(PatternLimitError);
    expect(pattern.test("ab")).toBe(false);
  });

  test("lets a small pattern read a long text", () => {
    expect(compileLinear("^[A-Za-z0-9+/]*={0,2}$")?.test("QUJD".repeat(50_000))).toBe(true);
  });

  test("agrees with JavaScript's engine on plain patterns", () => {
    const source = fc.constantFrom("^a+b?$", "[ab]{2,3}", "(a|b/)+$", "^(?:ab)*$", "a.b", "^$");
    const plainText = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 8 });
    fc.assert(
      fc.property(source, plainText, (pattern, candidate) => {
        expect(compileLinear(pattern)!.test(candidate)).toBe(new RegExp(pattern).test(candidate));
      }),
    );
  });
});
