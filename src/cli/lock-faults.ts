/** What `check` says of `gateway.lock.json`, offline. */
import type { Fault, LoadedConfig } from "../config/index.ts";
import { lockPathOf } from "../gateway.ts";
import type { Runtime } from "../runtime/index.ts";
import { type Lock, parseLock, toFlagText, toLockFault } from "../upstreams/index.ts";
import { flagsOf } from "./lock-compare.ts";

/** A tool that is flagged stays a warning although it was accepted: whoever looks again should see it. */
export async function lockFaults(
  { config, folder }: Pick<LoadedConfig, "config" | "folder">,
  { config: files }: Pick<Runtime, "config">,
): Promise<readonly Fault[]> {
  const file = lockPathOf({ folder });
  const fault = (level: Fault["level"], message: string): Fault => ({
    level,
    path: "integrity",
    message,
    file,
  });
  const text = await files.readText(file).catch(() => "");
  const parsed = text === undefined ? { lock: new Map() as Lock } : parseLock(text, files);
  if ("fault" in parsed) return [fault("error", toLockFault(file, parsed.fault))];
  const { lock } = parsed;
  const isFrozen = config.integrity.mode === "frozen";
  const known = Object.keys(config.upstreams);
  const unlocked = known.filter((name) => isFrozen && !lock.has(name));
  const foreign = [...lock.keys()].filter((name) => !known.includes(name));
  return [
    ...unlocked.map((name) =>
      fault("warning", `No tool of "${name}" is locked, so all of them are quarantined`),
    ),
    ...foreign.map((name) => fault("warning", `There is no upstream "${name}" in the config`)),
    ...[...lock.keys()].flatMap((name) =>
      flagsOf(name, lock).map(({ tool, ...flag }) =>
        fault("warning", `"${name}/${tool}": ${toFlagText(flag)}`),
      ),
    ),
  ];
}
