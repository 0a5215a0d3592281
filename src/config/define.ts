/** The words of `gateway.config.ts`: `defineConfig` and `rule`. */
import type { ConfigInput } from "./schema.ts";

export interface ConfigContext {
  /** The environment, with the `.env` file beside the config. */
  readonly env: Readonly<Record<string, string | undefined>>;
}
/** One part of a config: itself, a promise of it, or a function that gives it. */
export type ConfigPart =
  | ConfigInput
  | DefinedConfig
  | Promise<ConfigInput | DefinedConfig>
  | ((context: ConfigContext) => ConfigPart);

/** Shared by every copy of the package that a config and its parts may import. */
const partsKey = Symbol.for("mcp-gw.config.parts");
export interface DefinedConfig {
  readonly [partsKey]: readonly ConfigPart[];
}

/**
 * Declares a gateway, in one part or in several (a file per team); a name set twice is a fault. A
 * part may be a function of `{ env }`, or a promise. `mcp-gw check` says what is wrong with it.
 */
export function defineConfig(...parts: readonly ConfigPart[]): DefinedConfig {
  return { [partsKey]: parts };
}

export type RuleInput = NonNullable<ConfigInput["rules"]>[number];

/**
 * Declares a rule, which narrows what the allow-lists permit. Without `when` and `unless` it takes
 * its targets out of lists too; with one of them it is asked at the call, and tells the caller `why`.
 */
export function rule(name: string, spec: Omit<RuleInput, "name">): RuleInput {
  return { name, ...spec };
}

/** The parts of what `defineConfig` gave; undefined for anything else. */
export function partsOf(value: unknown): readonly unknown[] | undefined {
  if (typeof value !== "object" || value === null || !(partsKey in value)) return undefined;
  const parts = value[partsKey];
  return Array.isArray(parts) ? parts : undefined;
}
