/** `gateway.lock.json` beside the config, which all processes of the folder share. */
import { type LoadedConfig, resolvePath } from "./config/index.ts";
import { LockedError, type Runtime } from "./runtime/index.ts";
import type { LockFile } from "./upstreams/index.ts";

const name = "gateway.lock.json";
/** Whoever holds it reads and writes one file. */
const patienceMs = 10_000;
const pauseMs = 50;

export function lockPathOf({ folder }: Pick<LoadedConfig, "folder">): string {
  return resolvePath(folder, name);
}

export type LockFileRuntime = Pick<Runtime, "clock" | "config" | "lock">;

export function toLockFile(
  place: Pick<LoadedConfig, "folder">,
  { clock, config, lock }: LockFileRuntime,
): LockFile {
  const path = lockPathOf(place);
  return {
    path,
    read: () => config.readText(path),
    write: (text) => config.publish(path, text),
    alone: async (act) => {
      const until = clock.elapsed() + patienceMs;
      for (;;) {
        const taken = await lock(`${path}.lock`).catch((error: unknown) => {
          if (!(error instanceof LockedError) || clock.elapsed() >= until) throw error;
          return undefined;
        });
        if (taken === undefined) {
          await new Promise<void>((resolve) => {
            clock.after(pauseMs, resolve);
          });
          continue;
        }
        try {
          return await act();
        } finally {
          await taken.release();
        }
      }
    },
  };
}
