/** Where a gateway that was started from a file gets its config from, now and again. */
import type { LoadedConfig, RefusedConfig } from "../config/index.ts";
import { followFiles } from "../follow-files.ts";
import type { Runtime } from "../runtime/index.ts";
import { createStdioTokens, withTokens } from "./client-token.ts";
import { type LoadRequest, loadOrDemo } from "./load.ts";

export interface ConfigSource {
  /** The config as it is now. Clients that come through `mcp-gw stdio` alone keep their tokens. */
  readonly load: () => Promise<LoadedConfig | RefusedConfig>;
  /** The tokens of those clients, by name; also of those that are there no more. */
  readonly tokens: () => ReadonlyMap<string, string>;
  readonly isDemo: () => boolean;
}

export function createConfigSource(
  runtime: Runtime,
  request: Omit<LoadRequest, "missingSecrets">,
  seed: Uint8Array,
): ConfigSource {
  let { config } = request;
  /** Those of before are kept: the config that goes without them may be refused. */
  let tokens: ReadonlyMap<string, string> = new Map();
  let isDemo = false;
  return {
    load: async () => {
      const found = await loadOrDemo(runtime, { ...request, config, missingSecrets: "fault" });
      isDemo = found.isDemo;
      const { loaded } = found;
      if (loaded.config === undefined) return loaded;
      // Attack: whoever can take the file away has the demo, with its own clients, in its place.
      if (!isDemo) config = loaded.file;
      const own = createStdioTokens(loaded.config, seed, runtime);
      tokens = new Map([...tokens, ...own]);
      return withTokens(loaded, own);
    },
    tokens: () => tokens,
    isDemo: () => isDemo,
  };
}

export interface WatchedConfig {
  /** What these looked at when they were loaded is followed from now on. */
  readonly follow: (...tried: readonly (LoadedConfig | RefusedConfig)[]) => void;
}

/**
 * A secret is taken up when its file changes, since whoever rotates it waits for that. The config
 * itself is taken up only where `isWhole`: a file server behind the gateway could rewrite it.
 */
export function watchConfig(
  loaded: LoadedConfig,
  isWhole: boolean,
  { clock, log, fingerprint }: Runtime,
  reload: () => unknown,
): WatchedConfig {
  const act = async (): Promise<void> => {
    await reload();
  };
  const files = followFiles({ fingerprint, clock, log, act });
  const follow: WatchedConfig["follow"] = (...tried) =>
    files.set(
      tried.flatMap(({ watched }) => [...watched.secrets, ...(isWhole ? watched.sources : [])]),
    );
  follow(loaded);
  return { follow };
}
