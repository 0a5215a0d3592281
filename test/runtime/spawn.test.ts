import process from "node:process";
import { expect, test } from "vitest";
import { createClock } from "../../src/runtime/clock.ts";
import { createSpawn } from "../../src/runtime/spawn.ts";

const spawn = createSpawn(createClock());
const shell = (script: string, env: Record<string, string> = {}) =>
  spawn({
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

test("standard error that nobody reads is bounded and never blocks the child", async () => {
  const child = await shell("head -c 5000000 /dev/zero >&2; echo done");
  expect(await readAll(child.stdout)).toBe("done\n");
  await child.exited;
  expect((await readAll(child.stderr)).length).toBeLessThanOrEqual(65_536);
});

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
