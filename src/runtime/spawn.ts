/** Child processes, each the leader of a process group of its own. */
import { spawn as start } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { stat } from "node:fs/promises";
import process from "node:process";
import type { Readable } from "node:stream";
import type { Child, ChildExit, Clock, Spawn, Timer } from "../core/index.ts";
import type { Guard } from "./spawn-guard.ts";

/** What is kept of a standard error that nobody has read yet; the rest is dropped. */
const maxErrorBytes = 65_536;
const graceMs = 2_000;
const isWindows = process.platform === "win32";

/** `guard` ends the children where this process is killed. */
export function createSpawn(clock: Clock, guard?: Guard): Spawn {
  const groups = createGroups(clock, guard);
  return async ({ command, args, cwd, env }) => {
    const child = start(command, [...args], {
      cwd,
      env: { ...env },
      stdio: "pipe",
      shell: false,
      windowsHide: true,
      detached: !isWindows,
    });
    const pid = await started(child).catch((error: unknown) => withoutFolder(error, cwd));
    const group = groups.open(pid, (signal) => child.kill(signal));
    const exited = new Promise<ChildExit>((resolve) => {
      child.once("exit", (code, signal) => {
        group.leave();
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
      kill: group.kill,
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

/** A folder that is missing is told as if the program were, by the same words of the system. */
async function withoutFolder(error: unknown, cwd: string): Promise<never> {
  const isFolder = await stat(cwd).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) throw error;
  throw new Error(`There is no folder "${cwd}" to start it in (cwd)`, { cause: error });
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

type EndSignal = "SIGTERM" | "SIGKILL";

interface Group {
  /** Signals the leader and all that it started, also what it left behind. */
  readonly kill: (signal: EndSignal) => void;
  /** The leader has gone, and must leave nobody behind: first asked, then made to end. */
  readonly leave: () => void;
}

/** The groups that are not known to be empty; what is left of them ends with this process. */
function createGroups(
  clock: Clock,
  guard: Guard | undefined,
): {
  readonly open: (pid: number, killLeader: (signal: EndSignal) => void) => Group;
} {
  const kills = new Set<(signal: EndSignal) => void>();
  const endAll = (): void => {
    for (const kill of kills) kill("SIGKILL");
  };
  return {
    open: (pid, killLeader) => {
      const signalAll = (signal: EndSignal): boolean => {
        if (!isWindows) return signalGroup(pid, signal);
        killLeader(signal);
        return true;
      };
      let timer: Timer | undefined;
      const close = (): void => {
        timer?.cancel();
        kills.delete(kill);
        guard?.over(pid);
        if (kills.size === 0) process.removeListener("exit", endAll);
      };
      const kill = (signal: EndSignal): void => {
        // The number of an empty group may be another's by now.
        if (!kills.has(kill) || signalAll(signal)) return;
        close();
      };
      if (kills.size === 0) process.on("exit", endAll);
      kills.add(kill);
      guard?.open(pid);
      return {
        kill,
        leave: () => {
          kill("SIGTERM");
          if (isWindows) close();
          if (!kills.has(kill)) return;
          timer = clock.after(graceMs, () => {
            kill("SIGKILL");
            close();
          });
        },
      };
    },
  };
}

/** False where the group has no process left. */
function signalGroup(pid: number, signal: EndSignal): boolean {
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
