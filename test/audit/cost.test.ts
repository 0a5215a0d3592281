import * as fc from "fast-check";
import { expect, test } from "vitest";
import { cutJson } from "../../src/audit/cut-json.ts";
import { type Json, reread, textOf } from "../../src/mcp/index.ts";
import { createBench, removeSecrets, toJson, write } from "./fakes.ts";

const secret = `sk-${"a1".repeat(40)}`;

interface Shown {
  readonly bytes: number;
  readonly value: { readonly cut: true; readonly text: string };
}

/** What is written of the arguments, and how much was given to `clean`. */
async function record(args: unknown) {
  const bench = createBench({ results: true });
  let calls = 0;
  let characters = 0;
  const clean = (json: Json) => {
    calls++;
    characters += textOf(json).length;
    return removeSecrets(json);
  };
  await write(await bench.open({ clean }), { args: toJson(args) });
  const shown = bench.records()[1]!["args"] as Shown;
  return { shown, calls, characters, text: bench.text() };
}

test.each<readonly [string, unknown]>([
  ["4 MiB of text", { a: "x".repeat(4_194_304) }],
  ["4 MiB of escapes", { a: '"\n\u0001'.repeat(600_000) }],
  ["4 MiB of emoji", { a: "\u{1f469}".repeat(1_000_000) }],
  ["100,000 keys", Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`key${i}`, i]))],
  ["100,000 items", { a: Array.from({ length: 100_000 }, (_, index) => ({ index })) }],
  ["a key of 4 MiB", { ["k".repeat(4_194_304)]: 1 }],
  ["a number of 4 MiB", `{"a":${"1".repeat(4_194_304)}}`],
  ["4 MiB of white space", `{"a":1${" ".repeat(4_194_304)}}`],
])("record cleans 32 KiB of %s at most, once", async (_, args) => {
  const { calls, characters, shown, text } = await record(args);
  expect(calls).toBe(1);
  expect(characters).toBeLessThan(33_000);
  expect(shown.value.cut).toBe(true);
  expect(shown.bytes).toBe(
    Buffer.byteLength(typeof args === "string" ? args : JSON.stringify(args)),
  );
  expect(text.length).toBeLessThan(40_000);
});

test("record keeps 8 KiB of a value that is longer than what is cleaned", async () => {
  const { shown } = await record({ a: "x".repeat(100_000) });
  expect(shown.value.text).toBe(`{"a":"${"x".repeat(8_186)}`);
});

test.each([8_100, 8_180, 32_680, 32_700, 32_760])(
  "record holds no half of a secret that begins %i characters into its value",
  async (before) => {
    const { text } = await record({ a: "x".repeat(before) + secret + "x".repeat(50_000) });
    expect(text).not.toContain(secret.slice(0, 6));
  },
);

test("record holds no half of a secret where what stands before it is taken out", async () => {
  const long = `sk-${"b".repeat(31_000)} `;
  for (let shift = 0; shift < 90; shift += 7) {
    const { text } = await record({ a: `${long}${"x".repeat(1_680 + shift)}${secret}` });
    expect(text).not.toContain("sk-");
  }
});

/** Keys that begin like each other. */
const crowded = fc
  .dictionary(fc.stringMatching(/^[a"é]{0,9}$/), fc.constantFrom(1, "é", [[]]))
  .map((value) => JSON.stringify({ a: value, "": [value] }));

test("cut JSON is JSON, as long as was asked, and begins as the whole does", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), crowded), fc.nat(60), (source, max) => {
      const whole = reread(source);
      const cut = textOf(cutJson(whole, max));
      expect(() => void JSON.parse(cut)).not.toThrow();
      if (source.length <= max) expect(cut).toBe(source);
      const closing = /(?:null|":null|")?[\]}]*$/;
      expect(source.startsWith(cut.replace(closing, ""))).toBe(true);
      expect(cut.replace(/[\]}]*$/, "").length).toBeLessThanOrEqual(Math.max(max, 1) + 6);
    }),
    { numRuns: 500 },
  );
});
