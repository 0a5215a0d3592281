import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createConfigFiles } from "../../src/runtime/config-files.ts";
import { createCrypto } from "../../src/runtime/crypto.ts";
import { createFiles } from "../../src/runtime/files.ts";

const folder = await mkdtemp(join(tmpdir(), "mcp-gw-"));
afterAll(() => rm(folder, { recursive: true }));
const files = createFiles();
const config = createConfigFiles(createCrypto());
const at = (name: string) => join(folder, name);

async function linesOf(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of files.readLines(path)) lines.push(line);
  return lines;
}

test("append keeps the order of texts, adds to what is there, and makes the file private", async () => {
  const path = at("audit.jsonl");
  for (const round of [0, 1]) {
    const file = await files.openAppend(path);
    await Promise.all([0, 1, 2].map((index) => file.append(`${round}${index}\n`)));
    await file.close();
  }
  expect(await files.readText(path)).toBe("00\n01\n02\n10\n11\n12\n");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("append rejects once the file is closed", async () => {
  const file = await files.openAppend(at("closed"));
  await file.close();
  await expect(file.append("x")).rejects.toThrow();
});

test("readLines gives the lines of a file larger than its buffer, the last one without a break too", async () => {
  const path = at("lines");
  const lines = Array.from({ length: 20_000 }, (_, index) => `zeile ${index} – ü`);
  await writeFile(path, lines.join("\n"));
  expect(await linesOf(path)).toEqual(lines);
});

test("readLines gives a line that no reader should hold as one that is no JSON, and goes on behind it", async () => {
  const path = at("long");
  const long = "x".repeat(4_194_304);
  const record = `{"seq":1}${" ".repeat(9_000_000)}`;
  await writeFile(path, ["a", record, "b", long, `${record}!`].join("\n"));
  expect(await linesOf(path)).toEqual(["a", "…", "b", long, "…"]);
});

test("readLines rejects where there is no file", async () => {
  await expect(linesOf(at("missing"))).rejects.toThrow(/ENOENT/);
});

test("readTail gives the end of a file, all of a short one, and undefined for none", async () => {
  const path = at("tail");
  await writeFile(path, "0123456789");
  expect(await files.readTail(path, 4)).toBe("6789");
  expect(await files.readTail(path, 100)).toBe("0123456789");
  expect(await files.readTail(at("missing"), 4)).toBeUndefined();
});

test("readLines and readTail show a byte-order mark", async () => {
  const path = at("mark");
  await writeFile(path, "\ufeffa\n");
  expect(await linesOf(path)).toEqual(["\ufeffa"]);
  expect(await files.readTail(path, 100)).toBe("\ufeffa\n");
});

test("list names what stands in a folder, and nothing where there is none", async () => {
  const path = await mkdtemp(at("list-"));
  await writeFile(join(path, "a"), "");
  await writeFile(join(path, "b"), "");
  expect((await files.list(path)).toSorted()).toEqual(["a", "b"]);
  expect(await files.list(join(path, "none"))).toEqual([]);
  await expect(files.list(join(path, "a"))).rejects.toThrow(/ENOTDIR/);
});

test("config files: readText tells a missing file from a broken one", async () => {
  expect(await config.readText(at("missing"))).toBeUndefined();
  await expect(config.readText(folder)).rejects.toThrow();
});

test("config files: writeNew never replaces a file, and makes it private", async () => {
  await config.writeNew(at("new"), "a");
  await expect(config.writeNew(at("new"), "b")).rejects.toThrow(/EEXIST/);
  expect(await readFile(at("new"), "utf8")).toBe("a");
  expect((await stat(at("new"))).mode & 0o777).toBe(0o600);
});

test("config files: create never replaces a file, and lets others read it", async () => {
  await config.create(at("made/new"), "a");
  await expect(config.create(at("made/new"), "b")).rejects.toThrow(/EEXIST/);
  expect(await readFile(at("made/new"), "utf8")).toBe("a");
  const usual = 0o666 & ~process.umask();
  expect((await stat(at("made/new"))).mode & 0o777).toBe(usual);
});

test("config files: run uses no shell, and its error quotes neither arguments nor output", async () => {
  expect(await config.run(["/bin/echo", "$HOME; ls"])).toBe("$HOME; ls\n");
  const failing = config.run(["/bin/sh", "-c", "echo secret; echo secret >&2; exit 7"]);
  await expect(failing).rejects.toThrow('Cannot run "/bin/sh": 7');
  await expect(config.run(["/no/such"])).rejects.toThrow('Cannot run "/no/such": ENOENT');
  await expect(config.run([])).rejects.toThrow("empty");
});

test("config files: a random token is 256 bits in base64url", () => {
  expect(config.randomToken()).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(config.randomToken()).not.toBe(config.randomToken());
});

test("crypto gives known digests, and compares in one time only what has one length", () => {
  const crypto = createCrypto();
  expect(crypto.sha256("abc")).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  // RFC 4231, test case 2.
  expect(crypto.hmacSha256(Buffer.from("Jefe"), "what do ya want for nothing?")).toBe(
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
  expect(crypto.randomBytes(16)).toHaveLength(16);
  const bytes = (...values: number[]) => Uint8Array.from(values);
  expect(crypto.equal(bytes(1, 2), bytes(1, 2))).toBe(true);
  expect(crypto.equal(bytes(1, 2), bytes(1, 3))).toBe(false);
  expect(crypto.equal(bytes(1, 2), bytes(1))).toBe(false);
});
