/** What `gateway.lock.json` holds. */
import { resolvePath } from "../../config/index.ts";
import type { Definition } from "./definition.ts";

/** By upstream, then by the tool's own name. */
export type Lock = ReadonlyMap<string, LockedTools>;
export type LockedTools = ReadonlyMap<string, Definition>;
/** By `toPluginKey`; SHA-256 over all files of a plugin, in lower-case hex. */
export type LockedPlugins = ReadonlyMap<string, string>;

export interface LockContent {
  readonly lock: Lock;
  readonly plugins: LockedPlugins;
}

export const emptyContent: LockContent = { lock: new Map(), plugins: new Map() };

/** The same for each way in which a config may write the path of one file, as `./plugins/x.ts`. */
export function toPluginKey(use: string): string {
  return `.${resolvePath("/", use)}`;
}

export function isEmpty({ lock, plugins }: LockContent): boolean {
  return lock.size === 0 && plugins.size === 0;
}

/** `first` wins where both have a tool, or a plugin. */
export function merge(first: LockContent, second: LockContent): LockContent {
  const names = new Set([...first.lock.keys(), ...second.lock.keys()]);
  const tools = [...names].map((name): [string, LockedTools] => [
    name,
    new Map([...(second.lock.get(name) ?? []), ...(first.lock.get(name) ?? [])]),
  ]);
  return { lock: new Map(tools), plugins: new Map([...second.plugins, ...first.plugins]) };
}

/** What of `own` the other does not have. */
export function without(own: LockContent, other: LockContent): LockContent {
  const left = new Map<string, LockedTools>();
  for (const [upstream, tools] of own.lock) {
    const known = other.lock.get(upstream);
    const rest = [...tools].filter(([name]) => known?.has(name) !== true);
    if (rest.length > 0) left.set(upstream, new Map(rest));
  }
  const plugins = [...own.plugins].filter(([file]) => !other.plugins.has(file));
  return { lock: left, plugins: new Map(plugins) };
}
