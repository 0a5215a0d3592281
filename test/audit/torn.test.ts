/** What a crash leaves in the file, told from what somebody did to it. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { verifyAudit } from "../../src/audit/index.ts";
import { type ByteFiles, createByteFiles, linesOf } from "./byte-files.ts";
import { createBench, createFakeClock, createFakeLog, crypto, toJson, write } from "./fakes.ts";

const newline = 10;

function open(files: ByteFiles) {
  const ports = { files, clock: createFakeClock(), crypto, log: createFakeLog() };
  return createBench({ results: true }).open({ ports });
}

/** Two records after the start of a run that never stops, with text of two to four bytes. */
async function createFile(): Promise<ByteFiles> {
  const files = createByteFiles();
  const audit = await open(files);
  await write(audit, { client: "cli", why: "is null", args: toJson({ a: [1, true], hash: "é" }) });
  await write(audit, { subject: "änn", address: "192.0.2.7", result: toJson({ text: "日本 👩" }) });
  return files;
}

const verify = (bytes: Uint8Array) => verifyAudit(linesOf(bytes), crypto);
const countLines = (bytes: Uint8Array): number => bytes.filter((byte) => byte === newline).length;
const lastLineOf = (bytes: Uint8Array): number => bytes.lastIndexOf(newline, bytes.length - 2) + 1;

function withByte(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at] = byte;
  return changed;
}

test("verify calls a file that ends at any byte cut, and nothing else", async () => {
  const { bytes } = await createFile();
  for (let length = 0; length <= bytes.length; length++) {
    const cut = bytes.subarray(0, length);
    // Where the line break alone is missing, the record is all there.
    const isWhole = length === 0 || cut.at(-1) === newline || bytes[length] === newline;
    expect(await verify(cut), `after ${length} bytes`).toMatchObject({
      ok: true,
      records: countLines(bytes.subarray(0, length + 1)),
      endsCut: !isWhole,
      cutLines: 0,
      isOpen: countLines(bytes.subarray(0, length + 1)) > 0,
    });
  }
});

test("verify and the next start go past a record that was cut at any byte", async () => {
  const { bytes } = await createFile();
  const from = lastLineOf(bytes);
  for (let length = from; length <= bytes.length; length++) {
    const files = createByteFiles();
    files.bytes = bytes.slice(0, length);
    const audit = await open(files);
    await write(audit, { id: "after" });
    await audit.close();
    const isLost = length < bytes.length - 1;
    const isCut = isLost && length > from;
    expect(await verify(files.bytes), `after ${length} bytes`).toMatchObject({
      ok: true,
      records: (isLost ? 2 : 3) + 3,
      endsCut: false,
      cutLines: isCut ? 1 : 0,
      unstopped: 1,
      isOpen: false,
    });
    expect(Buffer.from(files.bytes.subarray(0, length)).equals(bytes.subarray(0, length))).toBe(
      true,
    );
  }
});

test("audit survives crash after crash, cut anywhere in what was written last", async () => {
  const crash = fc.record({
    records: fc.nat(3),
    kept: fc.double({ min: 0, max: 1, noNaN: true }),
    isFilled: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(crash, { minLength: 1, maxLength: 5 }), async (crashes) => {
      const files = createByteFiles();
      for (const { records, kept, isFilled } of crashes) {
        const before = files.bytes.length;
        const audit = await open(files);
        await Promise.all(Array.from({ length: records }, () => write(audit, { subject: "日本" })));
        const length = before + Math.floor((files.bytes.length - before) * kept);
        // A power failure may leave zeros for what is lost, of which the line break is a part.
        const isWhole = files.bytes[length] === newline;
        const lost = isFilled && !isWhole ? files.bytes.length - length : 0;
        files.bytes = Buffer.concat([files.bytes.subarray(0, length), new Uint8Array(lost)]);
        expect(await verify(files.bytes)).toMatchObject({ ok: true });
      }
      const whole = linesOf(files.bytes);
      let records = 0;
      for await (const line of whole) if (line.endsWith("}")) records++;
      await (await open(files)).close();
      expect(await verify(files.bytes)).toMatchObject({
        ok: true,
        records: records + 2,
        endsCut: false,
        isOpen: false,
      });
    }),
    { numRuns: 300 },
  );
});

test("verify takes no changed byte of any record for a crash", async () => {
  const { bytes } = await createFile();
  const last = lastLineOf(bytes);
  const place = fc.oneof(
    fc.integer({ min: 0, max: bytes.length - 1 }),
    fc.integer({ min: last, max: bytes.length - 1 }),
    fc.integer({ min: bytes.length - 180, max: bytes.length - 1 }),
  );
  const telling = fc.constantFrom(...Buffer.from('\0\t\n\r "\\{}[],:tfn0a\u00e9'));
  const byte = fc.oneof(telling, fc.integer({ min: 0, max: 255 }));
  await fc.assert(
    fc.asyncProperty(place, byte, async (at, put) => {
      fc.pre(bytes[at] !== put);
      expect(await verify(withByte(bytes, at, put)), `byte ${at} is ${put}`).toMatchObject({
        ok: false,
      });
    }),
    { numRuns: 4_000 },
  );
});

test("verify takes no byte for a crash that stands where the last line break was", async () => {
  const { bytes } = await createFile();
  for (let put = 0; put < 256; put++) {
    if (put === newline) continue;
    const changed = withByte(bytes, bytes.length - 1, put);
    expect((await verify(changed)).ok, String(put)).toBe(false);
  }
});

test("verify does not take a line that is empty, or cut twice, for what a crash leaves", async () => {
  const { bytes } = await createFile();
  const text = Buffer.from(bytes).toString();
  const lines = text.split("\n");
  for (const changed of [
    text.replace("\n", "\n\n"),
    `${text}\n`,
    // A cut record from elsewhere.
    `${text}${lines[1]!.slice(0, 200)}\n`,
    `${text}${lines[1]!.slice(0, 20)}`,
    // The end of a cut record.
    `${text}${lines[2]!.slice(200)}\n`,
  ])
    expect((await verify(Buffer.from(changed))).ok, changed).toBe(false);
});

test("verify finds a record that was made to look cut, unless it is the last one", async () => {
  const { bytes } = await createFile();
  const lines = Buffer.from(bytes).toString().split("\n");
  const shortened = [lines[0], lines[1]!.slice(0, 300), lines[2], ""].join("\n");
  expect((await verify(Buffer.from(shortened))).fault).toEqual({
    line: 3,
    message: "Record 2 is missing before record 3",
  });
});

test("verify cannot miss what was taken off the end, but sees that a run has no stop", async () => {
  const files = await createFile();
  const whole = files.bytes.slice();
  files.bytes = whole.slice(0, lastLineOf(whole));
  expect(await verify(files.bytes)).toMatchObject({ ok: true, records: 2, isOpen: true });
  await (await open(files)).close();
  expect(await verify(files.bytes)).toMatchObject({ ok: true, unstopped: 1, isOpen: false });
});

test("verify finds records that were taken off the end while the gateway runs", async () => {
  const files = createByteFiles();
  const audit = await open(files);
  await write(audit);
  const kept = files.bytes.slice();
  await write(audit);
  files.bytes = kept;
  await write(audit);
  expect((await verify(files.bytes)).fault?.message).toBe("Record 3 is missing before record 4");
});

test("audit refuses to continue a file that ends in an empty line", async () => {
  const files = await createFile();
  files.bytes = Buffer.concat([files.bytes, Buffer.from("\n")]);
  await expect(open(files)).rejects.toThrow("it ends in a line that is no audit record");
});
