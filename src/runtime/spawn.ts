/** Child processes, each the leader of a process group of its own. */
import { spawn as start } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import process from "node:process";
import type { Readable } from "node:stream";
import type { Child, ChildExit, Clock, Spawn } from "../core/index.ts";

/** What is kept of a standard error that nobody has read yet; the rest is dropped. */
const maxErrorBytes = 65_536;
const graceMs = 2_000;
const isWindows = process.platform === "win32";

export function createSpawn(clock: Clock): Spawn {
  return async ({ command, args, cwd, env }) => {
    const child = start(command, [...args], {
      cwd,
      env: { ...env },
      stdio: "pipe",
      shell: false,
      windowsHide: true,
      detached: !isWindows,
    });
    const pid = await started(child);
    let alive = true;
    const exited = new Promise<ChildExit>((resolve) => {
      child.once("exit", (code, signal) => {
        alive = false;
        endGroup(pid, clock);
        resolve({ code, signal });
      });
    });
    // A pipe that breaks is told through the write that failed, or through the exit.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on("error", () => undefined);
    return {
      pid,
      stdout: child.stdout,
      stderr: toBoundedStream(child.stderr),
      write: (text) => write(child, text),
      closeInput: () => child.stdin.end(),
      kill: (signal) => {
        if (!alive) return;
        if (isWindows) child.kill(signal);
        else signalGroup(pid, signal);
      },
      exited,
    } satisfies Child;
  };
}

function started(child: ChildProcessWithoutNullStreams): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("spawn", () => {
      child.on("error", () => undefined);
      if (child.pid === undefined) reject(new Error("The process has no id"));
      else resolve(child.pid);
    });
    child.once("error", reject);
  });
}

function write(child: ChildProcessWithoutNullStreams, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdin.write(text, (error) => {
      // Node reports a write that the end of the child cut short as a good one.
      const gone = child.stdin.destroyed ? new Error("The process has ended") : undefined;
      const fault = error ?? gone;
      if (fault === undefined) resolve();
      else reject(fault);
    });
  });
}

/** A leader that has gone must leave nobody behind: first asked, then made to end. */
function endGroup(pid: number, clock: Clock): void {
  if (isWindows || !signalGroup(pid, "SIGTERM")) return;
  clock.after(graceMs, () => signalGroup(pid, "SIGKILL"));
}

/** False where the group has no process left. */
function signalGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Reads at once, so that a child which talks much never blocks on a pipe that nobody empties. */
function toBoundedStream(pipe: Readable): AsyncIterable<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let kept = 0;
  let ended = false;
  let wake: () => void = () => undefined;
  pipe.on("data", (chunk: Uint8Array) => {
    if (kept + chunk.length > maxErrorBytes) return;
    kept += chunk.length;
    chunks.push(chunk);
    wake();
  });
  pipe.once("close", () => {
    ended = true;
    wake();
  });
  return {
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk !== undefined) {
          kept -= chunk.length;
          yield chunk;
        } else if (ended) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
