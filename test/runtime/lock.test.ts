import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeCommandOfFile } from "../built.ts";
import { LockedError, openRuntime } from "../../src/runtime/index.ts";

const { lock, lockHolder } = await openRuntime();
let folder: string;
let path: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lock-"));
  path = join(folder, "a.lock");
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

async function holdElsewhere(): Promise<number> {
  const { command, args } = nodeCommandOfFile(join(import.meta.dirname, "holder.ts"), path);
  child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (child.stdout !== null) await once(child.stdout, "data");
  return child.pid ?? 0;
}
const pidOf = async (holding: Promise<unknown>): Promise<number | undefined> => {
  const error = await holding.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof LockedError ? error.pid : -1;
};

test("a lock is held by one until it is released, and is readable by its owner alone", async () => {
  const first = await lock(path);
  expect(await pidOf(lock(path))).toBe(process.pid);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await lockHolder(path)).toBe(process.pid);
  await first.release();
  await first.release();
  await expect(stat(path)).rejects.toThrow("ENOENT");
  expect(await lockHolder(path)).toBeUndefined();
  await (await lock(path)).release();
});

test("a lock of another process is refused while that lives, and taken when it was killed", async () => {
  const pid = await holdElsewhere();
  expect(await pidOf(lock(path))).toBe(pid);
  expect(await lockHolder(path)).toBe(pid);
  child?.kill("SIGKILL");
  await once(child as ChildProcess, "exit");
  const [one, two] = await Promise.allSettled([lock(path), lock(path)]);
  expect([one.status, two.status]).toEqual(["fulfilled", "rejected"]);
  expect(await readFile(path, "utf8")).toContain(`"pid":${process.pid}`);
});

test("a lock that somebody keeps fresh is held, whatever the number of its process means here", async () => {
  await writeFile(path, '{"pid":4194000,"id":"x"}');
  const touch = setInterval(() => void utimes(path, new Date(), new Date()), 500);
  expect(await pidOf(lock(path))).toBe(4_194_000);
  clearInterval(touch);
  await (await lock(path)).release();
});

test("a lock that nobody touched for long is taken though its process's number is in use", async () => {
  await writeFile(path, `{"pid":${process.ppid},"id":"x"}`);
  expect(await pidOf(lock(path))).toBe(process.ppid);
  const old = new Date(Date.now() - 120_000);
  await utimes(path, old, old);
  await (await lock(path)).release();
});
