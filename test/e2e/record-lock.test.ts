/** Who writes the record: one gateway at a time, and only one that listens. */
import { readFile, readdir, rm } from "node:fs/promises";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseConfig } from "../../src/config/index.ts";
import { LockedError, openRuntime } from "../../src/runtime/index.ts";
import { type Started, startGateway } from "../../src/serve.ts";

const runtime = await openRuntime();
let folder: string;
let first: Started;

function start(port: number, audit: object = {}): Promise<Started> {
  const input = { listen: { port }, audit };
  const { config } = parseConfig(input, { ...runtime.crypto, now: Date.now() });
  if (config === undefined) throw new Error("The config of this test is not good");
  const loaded = {
    config,
    folder,
    file: "",
    digest: "test",
    faults: [],
    watched: { secrets: [], sources: [] },
  };
  return startGateway({ loaded, runtime });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "record-"));
  first = await start(0);
});
afterEach(async () => {
  await first.close(100);
  await rm(folder, { recursive: true, force: true });
});

const record = (): Promise<string> => readFile(join(folder, "audit.jsonl"), "utf8");

test("a gateway whose port is taken leaves the record as it is", async () => {
  const before = await record();
  const port = Number(new URL(first.url).port);
  await expect(start(port)).rejects.toThrow(/address|EADDRINUSE/i);
  expect(await record()).toBe(before);
});

test("a gateway whose record is taken gives its port back, and leaves the record as it is", async () => {
  const before = await record();
  await expect(start(0)).rejects.toThrow(LockedError);
  expect(await record()).toBe(before);
  const other = await start(0, { file: "other.jsonl" });
  const port = Number(new URL(other.url).port);
  await other.close(100);
  await expect(start(port)).rejects.toThrow(LockedError);
  const free = await start(port, { file: "other.jsonl" });
  await free.close(100);
});

test("a gateway that closes lets the next one write, and the chain goes on", async () => {
  await first.close(100);
  expect(await readdir(folder)).toEqual(["audit.jsonl"]);
  first = await start(0);
  const seqs = (await record())
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { seq: number }).seq);
  expect(seqs).toEqual([1, 2, 3]);
});
