/** Where the stages find the plugins that a message concerns, and ask them. */
import type { Log } from "../core/index.ts";
import type { Hook, LoadedPlugin, Plugins } from "../sandbox/index.ts";
import { cleanText, resolveSettings } from "../sanitize/index.ts";
import { type Answered, type Link, type Scene, askChain } from "./plugin-chain.ts";
import type { AskFacts } from "./plugin-ctx.ts";

export type PluginMatter = Parameters<LoadedPlugin["fits"]>[0];

export interface PluginDesk {
  /** In the config's order; worked out once, so that who has none asks none. */
  readonly having: (hooks: readonly Hook[]) => readonly LoadedPlugin[];
  readonly ask: <State>(
    links: readonly Link[],
    scene: Scene<State>,
    state: State,
    facts: AskFacts,
  ) => Promise<Answered<State>>;
}

const none: readonly LoadedPlugin[] = [];
const maxWhy = 256;

export function createPluginDesk(plugins: Plugins, log: Log): PluginDesk {
  const forLog = resolveSettings({ secrets: "redact", hidden: "strip" });

  return {
    having: (hooks) => plugins.all.filter((plugin) => hooks.some((hook) => plugin.hooks.has(hook))),
    ask: async (links, scene, state, facts) => {
      const { id, client, time, signal, plugins: hits } = facts;
      const about = { id, client: client.name, time };
      const chain = { run: plugins.run, about, signal, hits };
      const answered = await askChain(links, scene, state, chain);
      if ("refusal" in answered && answered.refusal.kind === "failed") {
        const { plugin, hook, code, why } = answered.refusal;
        const said = cleanText(why.slice(0, maxWhy), forLog).text;
        log.warn("A plugin failed, so that it refuses", { id, plugin, hook, code, why: said });
      }
      return answered;
    },
  };
}

/** Those that the matter concerns; the same empty list where there are none. */
export function fitting(
  plugins: readonly LoadedPlugin[],
  ...matters: readonly PluginMatter[]
): readonly LoadedPlugin[] {
  if (plugins.length === 0) return none;
  const found = plugins.filter((plugin) => matters.some((matter) => plugin.fits(matter)));
  return found.length === 0 ? none : found;
}
