/** What the cross checks look at. */
import type { PathKey } from "../fault.ts";
import type { Config, PluginConfig, RuleConfig } from "../schema.ts";

export interface CheckContext {
  /** Lower-case hex. */
  readonly sha256: (text: string) => string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Paths, such as `store.redis`, of secrets that could not be read: something stands in for them. */
  readonly unread?: readonly string[];
}

/** Entries with faults of their own: not checked, but known by name. */
export interface LeftOut {
  readonly upstreams: readonly string[];
  readonly clients: readonly string[];
  readonly roles: readonly string[];
  /** Where the rules that are left stand in the file; empty where none was left out. */
  readonly ruleIndexes: readonly number[];
  /** As `ruleIndexes`. */
  readonly pluginIndexes: readonly number[];
}

export interface Checked {
  readonly config: Config;
  readonly context: CheckContext;
  /** Every name in the file, of sound entries and of others. */
  readonly upstreams: ReadonlySet<string>;
  readonly clients: ReadonlySet<string>;
  readonly roles: ReadonlySet<string>;
  readonly rules: readonly { readonly rule: RuleConfig; readonly path: readonly PathKey[] }[];
  readonly plugins: readonly { readonly plugin: PluginConfig; readonly path: readonly PathKey[] }[];
}
