/** Starts the program as a child process, for tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, commandOf } from "../built.ts";

/** A new folder with this config in it. */
export async function folderWith(config: object): Promise<{ folder: string; file: string }> {
  const folder = await mkdtemp(join(tmpdir(), "mcp-gw-"));
  const file = join(folder, "gateway.config.json");
  await writeFile(file, JSON.stringify(config));
  return { folder, file };
}

export interface Program {
  readonly child: ChildProcess;
  /** Settles when the output so far, of both kinds, has this text; rejects when the program ends first. */
  readonly says: (text: string) => Promise<void>;
  readonly output: () => string;
  /** As a service manager does it: of a child that `child.kill` signalled, Deno says that it was killed. */
  readonly signal: (name: NodeJS.Signals) => void;
  /** Settles with the exit code. */
  readonly exited: Promise<number | null>;
}

export function start(...words: readonly string[]): Program {
  return launch(commandOf(...words));
}

export function launch({ command, args }: Command): Program {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, "close").then(([code]) => code as number | null);
  return {
    child,
    output: () => output,
    signal: (name) => {
      if (child.pid !== undefined) process.kill(child.pid, name);
    },
    exited,
    says: async (text) => {
      while (!output.includes(text)) {
        const isOver = await Promise.race([
          exited.then(() => true),
          Promise.race([once(child.stdout, "data"), once(child.stderr, "data")]).then(() => false),
        ]);
        if (isOver && !output.includes(text))
          throw new Error(`It ended without "${text}":\n${output}`);
      }
    },
  };
}
