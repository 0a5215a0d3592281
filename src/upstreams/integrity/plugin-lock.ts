/** Which of the config's plugins are the ones that were reviewed. */
import type { LockKeep } from "./lock-keep.ts";
import { type LockedPlugins, toPluginKey } from "./lock-content.ts";
import type { Teller } from "./tell.ts";

export interface PluginFile {
  /** As the config names it. */
  readonly file: string;
  /** Over all files that it consists of; lower-case hex. */
  readonly sha256: string;
}
export type PluginJudgement = "locked" | "changed" | "new";

export interface PluginLock {
  readonly judge: (plugin: PluginFile) => PluginJudgement;
  /**
   * These run from now on. Locks what is seen for the first time, where the mode says so, and tells
   * what is not as it is locked; each once. Never rejects.
   */
  readonly follow: (plugins: readonly PluginFile[]) => Promise<void>;
  /** The lock says something else: looks at those that run again. */
  readonly look: () => void;
}

export function judgePlugin({ file, sha256 }: PluginFile, locked: LockedPlugins): PluginJudgement {
  const known = locked.get(toPluginKey(file));
  if (known === undefined) return "new";
  return known === sha256 ? "locked" : "changed";
}

/** `takes` says whether what is new is locked. */
export function createPluginLock(
  keep: Pick<LockKeep, "plugins" | "rememberPlugins">,
  teller: Teller,
  takes: () => boolean,
): PluginLock {
  let running: readonly PluginFile[] = [];
  /** The hashes of those that were told of, by file. */
  let strange: ReadonlyMap<string, string> = new Map();
  const judge = (plugin: PluginFile): PluginJudgement => judgePlugin(plugin, keep.plugins());

  function look(): void {
    const now = new Map<string, string>();
    for (const plugin of running) {
      const { file, sha256 } = plugin;
      const key = toPluginKey(file);
      const found = judge(plugin);
      const told = strange.get(key);
      if (found !== "locked") {
        now.set(key, sha256);
        const locked = keep.plugins().get(key);
        const other = locked === undefined ? "it is not locked" : `${locked} is locked`;
        if (told !== sha256) teller.plugin("changed", key, `Its hash is ${sha256}, and ${other}`);
      } else if (told !== undefined) teller.plugin("released", key, `Its hash is ${sha256}`);
    }
    strange = now;
  }

  return {
    judge,
    look,
    follow: async (plugins) => {
      running = plugins;
      const fresh = takes() ? plugins.filter((plugin) => judge(plugin) === "new") : [];
      const hashes = fresh.map(({ file, sha256 }) => [toPluginKey(file), sha256] as const);
      await keep.rememberPlugins(new Map(hashes));
      for (const [file, sha256] of new Map(hashes)) {
        if (keep.plugins().get(file) === sha256)
          teller.plugin("seen", file, `Its hash is ${sha256}`);
      }
      look();
    },
  };
}
