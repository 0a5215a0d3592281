import { mkdtemp, readFile, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { verifyAudit } from "../../src/audit/index.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { createFiles } from "../../src/runtime/files.ts";
import { createBench, createFakeLog, crypto, toJson, write } from "./fakes.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcp-gw-audit-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function openReal(path: string) {
  const files = createFiles();
  const ports = { files, clock: createClock(), crypto, log: createFakeLog() };
  return createBench().open({ path, ports });
}

test("audit on a real file survives restarts and a cut, and verifies", async () => {
  const path = join(folder, "audit.jsonl");
  const first = await openReal(path);
  await Promise.all(
    Array.from({ length: 2_000 }, async (_, at) =>
      write(first, { id: `r${at}`, subject: "ann", args: toJson({ text: `é\u2028${at}` }) }),
    ),
  );
  await first.close();
  await truncate(path, (await stat(path)).size - 7);
  const second = await openReal(path);
  await write(second, { id: "after" });
  await second.close();
  expect(await verifyAudit(createFiles().readLines(path), crypto)).toMatchObject({
    ok: true,
    records: 2_004,
    cutLines: 1,
    endsCut: false,
  });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await readFile(path, "utf8")).split("\n")).toHaveLength(2_004 + 1 + 1);
});
