import { spawn as start, spawnSync as run } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Clock } from "../../src/core/index.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { createGuard } from "../../src/runtime/spawn-guard.ts";
import { createSpawn } from "../../src/runtime/spawn.ts";
import { commandOfFile } from "../built.ts";

const spawn = createSpawn(createClock());
/** A clock whose timers never fire. */
const stopped: Clock = { ...createClock(), after: () => ({ cancel: () => undefined }) };
const shell = (script: string, env: Record<string, string> = {}, start = spawn) =>
  start({
    command: "/bin/sh",
    args: ["-c", script],
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

test("spawn passes text in and out, and the exit", async () => {
  const child = await shell("cat; echo end >&2; exit 3");
  await child.write("a\n");
  await child.write("b\n");
  child.closeInput();
  expect(await readAll(child.stdout)).toBe("a\nb\n");
  expect(await readAll(child.stderr)).toBe("end\n");
  expect(await child.exited).toEqual({ code: 3, signal: null });
});

test("spawn gives the child its own environment and nothing of ours", async () => {
  process.env["MCP_GW_TEST_SECRET"] = "secret";
  try {
    const child = await shell("env", { A: "b" });
    const text = await readAll(child.stdout);
    expect(text).toContain("A=b");
    expect(text).not.toContain("MCP_GW_TEST_SECRET");
  } finally {
    delete process.env["MCP_GW_TEST_SECRET"];
  }
});

test("spawn rejects where there is no such command", async () => {
  await expect(spawn({ command: "/no/such/command", args: [], cwd: "/", env: {} })).rejects.toThrow(
    /ENOENT/,
  );
});

test("spawn names the folder to start in where that is what is missing", async () => {
  const start = spawn({ command: process.execPath, args: [], cwd: "/no/such/folder", env: {} });
  await expect(start).rejects.toThrow('There is no folder "/no/such/folder" to start it in (cwd)');
});

test("write rejects when the child is gone, and nothing is thrown past it", async () => {
  const child = await shell("exit 0");
  await child.exited;
  const writes = Array.from({ length: 20 }, () => child.write("x".repeat(100_000)));
  const results = await Promise.allSettled(writes);
  expect(results.some(({ status }) => status === "rejected")).toBe(true);
});

test("write waits for a child that does not read", async () => {
  const child = await shell("sleep 60");
  let settled = false;
  const writing = child.write("x".repeat(10_000_000)).then(
    () => {
      settled = true;
    },
    () => undefined,
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(settled).toBe(false);
  child.kill("SIGKILL");
  await child.exited;
  await writing;
  expect(settled).toBe(false);
});

test("kill ends the whole process group", async () => {
  const child = await shell("sleep 60 & echo $!; wait");
  const [first] = await firstLines(child.stdout);
  const grandchild = Number(first);
  expect(isAlive(grandchild)).toBe(true);
  child.kill("SIGKILL");
  expect(await child.exited).toMatchObject({ signal: "SIGKILL" });
  await goneOf(grandchild);
});

test("a leader that exits leaves nobody behind", async () => {
  const child = await shell("sleep 60 >/dev/null 2>&1 & echo $!");
  const grandchild = Number(await readAll(child.stdout));
  await child.exited;
  await goneOf(grandchild);
  child.kill("SIGKILL");
});

test("kill ends what a leader left behind, also where that does not listen", async () => {
  const child = await shell(
    "(trap '' TERM; sleep 60 & echo $!; wait) & sleep 0.2; exit 0",
    {},
    createSpawn(stopped),
  );
  const [first] = await firstLines(child.stdout);
  await child.exited;
  expect(isAlive(Number(first))).toBe(true);
  child.kill("SIGKILL");
  await goneOf(Number(first));
});

test("the end of this process ends its children, and it listens no longer than they live", async () => {
  const before = process.listeners("exit");
  const own = createSpawn(createClock());
  const children = [
    await shell("trap '' TERM; sleep 60", {}, own),
    await shell("sleep 60", {}, own),
  ];
  const added = process.listeners("exit").filter((each) => !before.includes(each));
  expect(added).toHaveLength(1);
  added[0]?.(0);
  for (const child of children) expect(await child.exited).toMatchObject({ signal: "SIGKILL" });
  await settled();
  expect(process.listeners("exit")).toEqual(before);
});

const isDeno = "Deno" in globalThis;

test.skipIf(isDeno)("children end with their owner, also where that is killed", async () => {
  const file = fileURLToPath(new URL("fixtures/owner.ts", import.meta.url));
  const { command, args } = commandOfFile(file);
  const owner = start(command, args, { stdio: "pipe" });
  const [first] = await firstLines(owner.stdout);
  const pid = Number(first);
  expect(isAlive(pid)).toBe(true);
  owner.kill("SIGKILL");
  await goneOf(pid);
});

test.skipIf(isDeno)("nothing is left to guard children that have ended", async () => {
  const before = shells();
  const guarded = createSpawn(createClock(), createGuard());
  const child = await shell("cat", {}, guarded);
  expect(shells()).toBe(before + 2);
  child.closeInput();
  await child.exited;
  while (shells() > before) await new Promise((resolve) => setTimeout(resolve, 20));
});

/** Shells that this process has started and that have not ended. */
function shells(): number {
  const { stdout } = run("ps", ["-o", "comm=,stat=", "--ppid", String(process.pid)], {
    encoding: "utf8",
  });
  return stdout.split("\n").filter((line) => /^sh |^cat /.test(line) && !line.includes("Z")).length;
}

test("standard error that nobody reads is bounded and never blocks the child", async () => {
  const child = await shell("head -c 5000000 /dev/zero >&2; echo done");
  expect(await readAll(child.stdout)).toBe("done\n");
  await child.exited;
  expect((await readAll(child.stderr)).length).toBeLessThanOrEqual(65_536);
});

/** Until the last of a group has been taken from the table of processes. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 2_200));
}

async function firstLines(stream: AsyncIterable<Uint8Array>): Promise<string[]> {
  for await (const chunk of stream) return Buffer.from(chunk).toString().split("\n");
  return [];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Ends by the test's own timeout where the process lives on. */
async function goneOf(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}
