/** What the files of the config's plugins are now, against what is locked of them. */
import type { LoadedConfig } from "../config/index.ts";
import { loadPluginFile } from "../sandbox/index.ts";
import { type LockedPlugins, judgePlugin, toPluginKey } from "../upstreams/index.ts";
import { type PoolRuntime, noLog, withPool } from "./plugin-load.ts";

/** By the names that the lock has for them: the hash, or why it cannot be had. */
export type PluginHashes = ReadonlyMap<string, { readonly sha256: string } | PluginUnread>;
interface PluginUnread {
  readonly fault: string;
}

/** What has become of a plugin; of one that is as it is locked `what` is `same`. */
export type PluginChange =
  | { readonly what: "same"; readonly sha256: string }
  | { readonly what: "new"; readonly sha256: string }
  | { readonly what: "changed"; readonly before: string; readonly sha256: string }
  | { readonly what: "gone"; readonly before: string }
  | PluginUnread;
export type PluginChanges = Readonly<Record<string, PluginChange>>;

/** They are read, and not evaluated. */
export async function hashPlugins(
  { config, folder }: Pick<LoadedConfig, "config" | "folder">,
  runtime: PoolRuntime,
): Promise<PluginHashes> {
  const { config: files } = runtime;
  const hashed = config.plugins.map(async ({ use }) => {
    const { code, ...read } = await withPool(runtime, noLog, ({ strip }) =>
      loadPluginFile({ use, folder }, { files, crypto: files, strip }),
    );
    const faults = "faults" in read ? read.faults : [];
    const found = code ?? { fault: faults[0]?.fault ?? "Cannot be read" };
    const entry = "fault" in found ? found : { sha256: found.sha256 };
    return [toPluginKey(use), entry] as const;
  });
  return new Map(await Promise.all(hashed));
}

export function comparePlugins(locked: LockedPlugins, found: PluginHashes): PluginChanges {
  const names = [...new Set([...locked.keys(), ...found.keys()])].sort();
  const changes = names.map((file): [string, PluginChange] => {
    const before = locked.get(file);
    const now = found.get(file);
    if (now !== undefined && "fault" in now) return [file, now];
    if (now === undefined) return [file, { what: "gone", before: before ?? "" }];
    const { sha256 } = now;
    const judged = judgePlugin({ file, sha256 }, locked);
    if (judged === "changed") return [file, { what: judged, before: before ?? "", sha256 }];
    return [file, { what: judged === "locked" ? "same" : "new", sha256 }];
  });
  return Object.fromEntries(changes);
}

/** What is locked once somebody has accepted it; one that cannot be read stays as it is locked. */
export function acceptPlugins(locked: LockedPlugins, changes: PluginChanges): LockedPlugins {
  const accepted = Object.entries(changes).flatMap(([file, change]): [string, string][] => {
    if ("sha256" in change) return [[file, change.sha256]];
    const before = "fault" in change ? locked.get(file) : undefined;
    return before === undefined ? [] : [[file, before]];
  });
  return new Map(accepted);
}
