import * as fc from "fast-check";
import { expect, test } from "vitest";
import { verifyAudit } from "../../src/audit/index.ts";
import { createBench, crypto, toJson, toLines, write } from "./fakes.ts";

async function createLog(): Promise<string[]> {
  const bench = createBench({ results: true });
  const audit = await bench.open();
  await write(audit, { client: "cli", args: toJson({ a: [1, true, null], hash: "é" }) });
  const approval = { id: "1f", via: "operator", by: "eve" } as const;
  const subject = { subject: "ann", address: "192.0.2.7" };
  await write(audit, { ...subject, result: toJson({ text: "hi" }), approval });
  await audit.close();
  return bench.lines();
}

async function verify(lines: readonly string[]) {
  return verifyAudit(toLines(lines.join("\n")), crypto);
}

test("verify accepts what was written and says how much it is", async () => {
  expect(await verify(await createLog())).toEqual({
    ok: true,
    records: 4,
    from: "2026-03-01T12:00:00.000Z",
    to: "2026-03-01T12:00:00.000Z",
    forgotten: 0,
    cutLines: 0,
    endsCut: false,
    unstopped: 0,
    isOpen: false,
  });
});

test("verify accepts an empty file", async () => {
  expect(await verify([])).toMatchObject({ ok: true, records: 0 });
});

test("verify finds any change of one character, in any line", async () => {
  const lines = await createLog();
  const character = fc.constantFrom(...'abc019tfn "\\{}[],:\u00e9\u2028\t');
  await fc.assert(
    fc.asyncProperty(fc.nat(3), fc.nat(), character, async (index, place, put) => {
      const line = lines[index]!;
      const at = place % line.length;
      fc.pre(line[at] !== put);
      const changed = line.slice(0, at) + put + line.slice(at + 1);
      const result = await verify(lines.with(index, changed));
      expect(result).toMatchObject({ ok: false });
      // A changed number or link also shows one line later where the line itself is unreadable.
      expect(result.fault!.line).toBeGreaterThanOrEqual(index + 1);
      expect(result.fault!.line).toBeLessThanOrEqual(index + 2);
    }),
    { numRuns: 3_000 },
  );
});

test("verify finds white space that was put anywhere into a line", async () => {
  const lines = await createLog();
  for (const [index, line] of lines.entries()) {
    for (let at = 0; at <= line.length; at++) {
      const changed = `${line.slice(0, at)} ${line.slice(at)}`;
      expect((await verify(lines.with(index, changed))).ok, changed).toBe(false);
    }
  }
});

test("verify names the changed record", async () => {
  const lines = await createLog();
  const changed = lines.with(1, lines[1]!.replace('"cli"', '"app"'));
  expect((await verify(changed)).fault).toEqual({
    line: 2,
    message: "Record 2 was changed after it was written: its hash does not fit",
  });
});

test("verify names a missing record, also the first", async () => {
  const lines = await createLog();
  expect((await verify(lines.toSpliced(1, 1))).fault).toEqual({
    line: 2,
    message: "Record 2 is missing before record 3",
  });
  expect((await verify(lines.slice(2))).fault).toEqual({
    line: 1,
    message: "Records 1 to 2 are missing before record 3",
  });
});

test("verify finds records that were swapped or repeated", async () => {
  const [first, second, third, fourth] = (await createLog()) as [string, string, string, string];
  expect((await verify([first, third, second, fourth])).fault?.line).toBe(2);
  expect((await verify([first, second, second, third])).fault).toEqual({
    line: 3,
    message: "Record 2 stands where record 3 belongs",
  });
});

test("verify finds a record of another chain", async () => {
  const [lines, others] = [await createLog(), await createLog()];
  expect((await verify(lines.with(2, others[2]!))).fault).toEqual({
    line: 3,
    message: "The chain is broken: record 3 does not name record 2 as the one before it",
  });
});

test("verify tells the personal part from the rest", async () => {
  const lines = await createLog();
  for (const [from, to] of [
    ['"ann"', '"bob"'],
    ["192.0.2.7", "192.0.2.8"],
    ['"hi"', '"ho"'],
    ['"subject":"ann",', ""],
  ] as const) {
    expect((await verify(lines.with(2, lines[2]!.replace(from, to)))).fault?.message).toBe(
      "The personal part of record 3 (subject, address or values) was changed after it was written",
    );
  }
});

test("verify accepts a personal part that was blanked, and counts it", async () => {
  const lines = await createLog();
  const blanked = lines[2]!
    .replace('"subject":"ann","address":"192.0.2.7",', "")
    .replace(',"value":{"text":"hi"}', "")
    .replace(',"by":"eve"', "")
    .replace(/"salt":"[0-9a-f]{32}",/, "");
  expect(blanked).not.toMatch(/"ann"|"eve"|192\.0|hi"|salt/);
  expect(await verify(lines.with(2, blanked))).toMatchObject({ ok: true, forgotten: 1 });
});

test("verify finds a person that was written into a record without one", async () => {
  const lines = await createLog();
  const changed = lines[0]!.replace('"prev"', '"subject":"bob","prev"');
  expect((await verify(lines.with(0, changed))).ok).toBe(false);
});

test("verify tells a last line that was cut short from tampering, wherever it was cut", async () => {
  const lines = await createLog();
  for (const [index, line] of lines.entries()) {
    for (let length = 1; length < line.length; length++) {
      const cut = [...lines.slice(0, index), line.slice(0, length)];
      expect(await verify(cut), cut[index]!).toMatchObject({
        ok: true,
        records: index,
        endsCut: true,
        cutLines: 0,
      });
    }
  }
});

test("verify passes over a cut line that the chain goes past, not one that hides a record", async () => {
  const lines = await createLog();
  const part = lines[2]!.slice(0, 60);
  expect(await verify(lines.toSpliced(2, 0, part))).toMatchObject({ ok: true, cutLines: 1 });
  expect((await verify(lines.with(2, part))).fault).toEqual({
    line: 4,
    message: "Record 3 is missing before record 4",
  });
});

test("verify refuses a line that never was a record", async () => {
  const lines = await createLog();
  expect((await verify(lines.toSpliced(1, 0, '{"seq":2}'))).fault).toEqual({
    line: 2,
    message: "The line is no audit record",
  });
  expect((await verify(lines.toSpliced(1, 0, "hello"))).fault).toEqual({
    line: 2,
    message: "The line was changed: it is not JSON any more",
  });
});

test("verify accepts arguments as deep as a message may be", async () => {
  const bench = createBench();
  await write(await bench.open(), { args: toJson(`${'{"a":'.repeat(120)}1${"}".repeat(120)}`) });
  expect(await verify(bench.lines())).toMatchObject({ ok: true, records: 2 });
});
