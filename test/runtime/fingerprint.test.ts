import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRuntime } from "../../src/runtime/index.ts";

const { fingerprint } = await openRuntime();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fingerprint-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("a fingerprint stays while the file does, and changes with its text or a file put in its place", async () => {
  const path = join(folder, "secret");
  await writeFile(path, "one");
  const first = await fingerprint(path);
  expect(first).not.toBe("");
  expect(await fingerprint(path)).toBe(first);
  await writeFile(path, "longer");
  const second = await fingerprint(path);
  expect(second).not.toBe(first);
  // The same length and the same time: only the file is another one.
  const at = new Date(1_800_000_000_000);
  await utimes(path, at, at);
  const third = await fingerprint(path);
  const fresh = join(folder, "fresh");
  await writeFile(fresh, "other!");
  await utimes(fresh, at, at);
  await rename(fresh, path);
  expect(new Set([first, second, third, await fingerprint(path)]).size).toBe(4);
});

test("a fingerprint changes when a link on the way to the file is swapped, as Kubernetes does", async () => {
  for (const version of ["..v1", "..v2"]) {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, "token"), "same");
  }
  await symlink("..v1", join(folder, "..data"));
  await symlink("..data/token", join(folder, "token"));
  const before = await fingerprint(join(folder, "token"));
  expect(await fingerprint(join(folder, "..v1/token"))).toBe(before);
  await symlink("..v2", join(folder, "..data_tmp"));
  await rename(join(folder, "..data_tmp"), join(folder, "..data"));
  expect(await fingerprint(join(folder, "token"))).not.toBe(before);
});

test("a fingerprint is empty where there is no file, and for a link that leads nowhere or in a circle", async () => {
  await symlink("missing", join(folder, "dangling"));
  await symlink("circle", join(folder, "circle"));
  const paths = ["missing", "missing/below", "dangling", "circle", "nul\0byte"];
  const prints = await Promise.all(paths.map((path) => fingerprint(join(folder, path))));
  expect(prints).toEqual(["", "", "", "", ""]);
});
