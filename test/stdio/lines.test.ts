import fc from "fast-check";
import { expect, test } from "vitest";
import { type Line, toLines } from "../../src/stdio/lines.ts";

async function* pieces(...chunks: readonly (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
  for (const chunk of chunks)
    yield typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
}

async function read(input: AsyncIterable<Uint8Array>, maxBytes = 100): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of toLines(input, maxBytes)) lines.push(line);
  return lines;
}

const text = (line: string): Line => ({ kind: "text", text: line });

test("lines come without their ends, blank ones not at all, and the last needs none", async () => {
  expect(await read(pieces("one\r\n\n  \ntwo\nthr", "ee"))).toEqual(
    ["one", "two", "three"].map(text),
  );
});

test("a line over the cap is a fault, and the next line is read", async () => {
  const long = "x".repeat(60);
  expect(await read(pieces(long, long, "\nnext\n", "y".repeat(101)))).toEqual([
    { kind: "fault", fault: "too-large" },
    text("next"),
    { kind: "fault", fault: "too-large" },
  ]);
  expect(await read(pieces(`${"x".repeat(100)}\n`))).toEqual([text("x".repeat(100))]);
});

test("a line that is not UTF-8 is a fault, and the next line is read", async () => {
  expect(await read(pieces(new Uint8Array([0x22, 0xff, 0x22, 10]), "next\n"))).toEqual([
    { kind: "fault", fault: "not-utf8" },
    text("next"),
  ]);
});

test("lines are the same wherever the bytes are cut", async () => {
  const line = fc.string({ unit: "grapheme", minLength: 1 }).filter((each) => !/\s/.test(each));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat({ max: 40 })), async (lines, cuts) => {
      const bytes = new TextEncoder().encode(lines.map((each) => `${each}\n`).join(""));
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) {
        chunks.push(bytes.subarray(at, at + cut));
        at += cut;
      }
      chunks.push(bytes.subarray(at));
      expect(await read(pieces(...chunks), 10_000)).toEqual(lines.map(text));
    }),
  );
});
