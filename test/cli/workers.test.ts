import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { forWorker } from "../../src/cli/workers-member.ts";
import { parseWorkers } from "../../src/cli/workers.ts";
import { parseConfig } from "../../src/config/index.ts";
import { lockHolder } from "../../src/runtime/lock.ts";
import { commandOfFile } from "../built.ts";

const isDeno = process.versions["deno"] !== undefined;
const program = fileURLToPath(new URL("../runtime/fixtures/worker-program.ts", import.meta.url));

// Each of these starts several programs, beside others that the machine may be busy with.
vi.setConfig({ testTimeout: 60_000 });

let folder: string;
let child: ChildProcess | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "workers-"));
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

function run(count: number, how = "well", flags: readonly string[] = ["--unstable-net"]) {
  const { command, args } = commandOfFile(program, [folder, "0", String(count), how], flags);
  const started = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  child = started;
  let output = "";
  started.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  started.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(started, "close").then(([code]) => code as number | null);
  const says = async (part: string | RegExp): Promise<string> => {
    for (;;) {
      const found =
        typeof part === "string" ? output.includes(part) && part : part.exec(output)?.[1];
      if (typeof found === "string") return found;
      if (started.exitCode !== null) throw new Error(`It ended without "${part}":\n${output}`);
      await Promise.race([once(started.stdout, "data"), once(started.stderr, "data"), exited]);
    }
  };
  return { exited, says, output: () => output, pid: started.pid ?? 0 };
}

interface Answer {
  readonly index: number;
  readonly init: object;
  readonly hups: number;
  readonly pid: number;
}
/** Asks over new connections until each of these workers has answered; what each said last. */
async function askAll(url: string, count: number): Promise<ReadonlyMap<number, Answer>> {
  const answers = new Map<number, Answer>();
  while (answers.size < count) {
    const response = await fetch(url, { headers: { connection: "close" } });
    const answer = (await response.json()) as Answer;
    answers.set(answer.index, answer);
  }
  return answers;
}

test("workers share a port, are handed what is theirs, and end together with 0", async () => {
  const { says, exited, output, pid } = run(2);
  const url = await says(/told (\S+)/);
  await says("2 workers serve it");
  const answers = await askAll(url, 2);
  // On Deno also the port that the system gave the first one.
  expect(answers.get(1)?.init).toMatchObject({
    tokenSeed: "00ff",
    adminToken: "an-admin-token",
    isAdministered: true,
    speaks: true,
  });
  expect(answers.get(2)?.init).toMatchObject({ isAdministered: false, speaks: false });
  expect(await lockHolder(join(folder, "audit.jsonl.lock"))).toBe(pid);
  const slow = fetch(`${url}/slow`).then((response) => response.text());
  await says("slow is asked");
  process.kill(pid, "SIGTERM");
  expect(await slow).toBe("slow");
  expect(await exited).toBe(0);
  expect(output()).toContain("forgot");
  await expect(access(join(folder, "audit.jsonl.lock"))).rejects.toThrow("ENOENT");
});

test("workers each get a SIGHUP of their supervisor once, and end once where they are signalled beside it", async () => {
  const { says, exited, pid } = run(2);
  const url = await says(/told (\S+)/);
  await says("2 workers serve it");
  process.kill(pid, "SIGHUP");
  const heard = new Set<number>();
  while (heard.size < 2) {
    for (const [index, { hups }] of await askAll(url, 2)) if (hups > 0) heard.add(index);
  }
  const hups = [...(await askAll(url, 2)).values()].map((answer) => answer.hups);
  expect(hups).toEqual([1, 1]);
  // As by Ctrl-C: to the whole group.
  process.kill(-pid, "SIGINT");
  expect(await exited).toBe(0);
});

test("a worker that dies is started again with what it was handed, and the others serve meanwhile", async () => {
  const { says, output } = run(2);
  const url = await says(/told (\S+)/);
  await says("2 workers serve it");
  const first = await fetch(`${url}/exit`, { headers: { connection: "close" } });
  const { index } = (await first.json()) as Answer;
  await says("is started again");
  // On Deno the system may still give a connection to the one that is going, which resets it.
  const again = (): Promise<Response> => fetch(url, { headers: { connection: "close" } });
  const answer = await again().catch((error: unknown) =>
    isDeno ? again() : Promise.reject(error),
  );
  expect(((await answer.json()) as Answer).index).not.toBe(index);
  const answers = await askAll(url, 2);
  expect(answers.get(index)?.init).toMatchObject({ adminToken: "an-admin-token", speaks: false });
  expect(output().match(/workers serve it/g)).toHaveLength(1);
});

test.runIf(!isDeno)("a worker that is killed is started again", async () => {
  const { says } = run(1);
  const url = await says(/told (\S+)/);
  const before = (await askAll(url, 1)).get(1);
  process.kill(before?.pid ?? 0, "SIGKILL");
  await says("killed");
  await says(/told \S+[^]*told (\S+)/);
});

test.runIf(!isDeno)("workers end when their supervisor was killed", async () => {
  const { says, pid } = run(1);
  const url = await says(/told (\S+)/);
  const worker = (await askAll(url, 1)).get(1)?.pid ?? 0;
  process.kill(pid, "SIGKILL");
  await expect
    .poll(
      () => {
        try {
          return process.kill(worker, 0);
        } catch {
          return "gone";
        }
      },
      { timeout: 10_000 },
    )
    .toBe("gone");
});

test("workers that do not end are killed after their deadline, and the exit code says so", async () => {
  const { says, exited, pid } = run(1, "stuck");
  await says(/told (\S+)/);
  process.kill(pid, "SIGTERM");
  expect(await exited).toBe(1);
});

test("a worker that is only just starting when a signal ends all of them ends too", async () => {
  const { exited, says } = run(1, "hurried");
  await says("forgot");
  expect(await exited).toBe(0);
});

test("a second signal does not wait for the workers", async () => {
  const { says, exited, pid } = run(1, "stuck");
  await says(/told (\S+)/);
  process.kill(pid, "SIGINT");
  await says("forgot");
  process.kill(pid, "SIGINT");
  expect(await exited).toBe(130);
});

test("a worker that fails at its first start ends all of them with its text and 1", async () => {
  const { exited, output } = run(2, "fails");
  expect(await exited).toBe(1);
  expect(output()).toContain("Worker two cannot listen");
  await expect(access(join(folder, "audit.jsonl.lock"))).rejects.toThrow("ENOENT");
});

test("workers are refused without the Redis store, since they would share nothing", async () => {
  const { exited, output } = run(2, "alone");
  expect(await exited).toBe(1);
  expect(output()).toMatch(/^Workers need the Redis store: .*store\.redis/);
});

test("a second gateway on one config does not start beside the workers of the first", async () => {
  const { says } = run(1);
  await says(/told (\S+)/);
  const first = child;
  const second = run(1);
  expect(await second.exited).toBe(1);
  expect(second.output()).toContain(`process ${first?.pid} does`);
  first?.kill("SIGKILL");
});

test.runIf(isDeno)("workers on Deno say which flag they need", async () => {
  const { exited, output } = run(2, "well", []);
  expect(await exited).toBe(1);
  expect(output()).toContain("--unstable-net");
});

test.each([
  ["1", 1],
  ["64", 64],
  ["0", undefined],
  ["65", undefined],
  ["-1", undefined],
  ["1.5", undefined],
  ["0x10", undefined],
  ["", undefined],
  ["two", undefined],
])("parseWorkers takes a whole number from 1 to 64: %j", (text, count) => {
  expect(parseWorkers(text)).toBe(count);
});

test("a worker's config is the same but for its record", () => {
  const { config } = parseConfig({ audit: { file: "log/a.jsonl" } }, { sha256: () => "", now: 0 });
  if (config === undefined) throw new Error("The config of this test is not good");
  const watched = { secrets: [], sources: [] };
  const loaded = { config, file: "/srv/c.json", folder: "/srv", digest: "d", faults: [], watched };
  const file = "/srv/log/a-worker-3.jsonl";
  expect(forWorker(loaded, 3)).toEqual({
    ...loaded,
    config: { ...config, audit: { ...config.audit, file } },
  });
});
