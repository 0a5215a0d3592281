/** Files in a map, and hashes that are real. */
import { createHash } from "node:crypto";
import type { ConfigPorts } from "../../src/config/index.ts";

export interface FakePorts extends ConfigPorts {
  readonly files: Map<string, string>;
  readonly commands: string[];
}

export const now = Date.parse("2026-06-01T12:00:00Z");

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function fakePorts(files: Record<string, string> = {}): FakePorts {
  const map = new Map(Object.entries(files));
  const commands: string[] = [];
  let made = 0;
  return {
    files: map,
    commands,
    readText: (path) => Promise.resolve(map.get(path)),
    writeNew: (path, text) => {
      if (map.has(path)) return Promise.reject(new Error("EEXIST"));
      map.set(path, text);
      return Promise.resolve();
    },
    run: (command) => {
      commands.push(command.join(" "));
      if (command[0] === "fail") return Promise.reject(new Error("said: hunter2hunter2"));
      return Promise.resolve(command[0] === "quiet" ? "\n" : "from-the-vault\n");
    },
    sha256,
    randomToken: () => `random-token-${made++}`.padEnd(43, "x"),
  };
}
