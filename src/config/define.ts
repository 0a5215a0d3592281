/** The words of `gateway.config.ts`: `defineConfig`, `rule` and `plugin`. */
import type { JsonValue } from "./json-value.ts";
import type {
  AllowInput,
  CheckedTargets,
  RuleCondition,
  RuleFacts,
  RuleTargets,
  RuleValues,
} from "./register.ts";
import type { PlainConfigInput } from "./schema.ts";

type PlainEntry<Key extends "clients" | "roles"> = NonNullable<PlainConfigInput[Key]>[string];
type PlainRule = NonNullable<PlainConfigInput["rules"]>[number];
interface Allowing {
  /** What may be used. Nothing is allowed by default. */
  readonly allow?: AllowInput | undefined;
}

/** The config as a user writes it; its patterns name what `Register` holds. */
export type ConfigInput = Omit<PlainConfigInput, "clients" | "roles" | "rules"> & {
  /** Who may call, by name. */
  clients?: { [name: string]: Omit<PlainEntry<"clients">, "allow"> & Allowing } | undefined;
  /** What several clients may use, by name. */
  roles?: { [name: string]: Omit<PlainEntry<"roles">, "allow"> & Allowing } | undefined;
  /** What narrows the clients' rights. All that match count, in any order. */
  rules?: RuleInput[] | undefined;
};

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

export type RuleInput = Omit<PlainRule, "on"> & {
  /** A pattern or a list of them for tools, resources and prompts, or `{ tools, resources, prompts, input }`. */
  readonly on: RuleTargets;
};

type Shaped = "when" | "unless" | "set" | "defaults";
/** All of a rule but its name; what it says of arguments fits the tools that `on` can match. */
export type RuleSpec<On extends RuleTargets> = Omit<RuleInput, "name" | "on" | Shaped> & {
  /** A pattern or a list of them for tools, resources and prompts, or `{ tools, resources, prompts, input }`. */
  readonly on: On & CheckedTargets<On>;
  /** The rule matches where all of its tests hold, or the function answers `true`. */
  readonly when?: RuleCondition<On> | ((facts: RuleFacts<On>) => boolean) | undefined;
  /** The rule matches where not all of its tests hold, so also where a value is absent. */
  readonly unless?: RuleCondition<On> | undefined;
  /** Arguments of a tool that are always sent so, and are not shown to the caller. */
  readonly set?: RuleValues<On> | undefined;
  /** Arguments of a tool that are sent where the caller leaves them out. */
  readonly defaults?: RuleValues<On> | undefined;
};

/**
 * Declares a rule, which narrows what the allow-lists permit. Without `when` and `unless` it takes
 * its targets out of lists too; with one of them it is asked at the call, and tells the caller `why`.
 */
export function rule<const On extends RuleTargets>(name: string, spec: RuleSpec<On>): RuleInput {
  // The narrower words of the tools that `on` names are words of any rule.
  return { name, ...spec } as RuleInput;
}

type PlainPlugin = NonNullable<PlainConfigInput["plugins"]>[number];

/** The `C` of `definePlugin<C>`; of what is no plugin, nothing. */
type ConfigOf<Module> = unknown extends Module
  ? unknown
  : Module extends { readonly default: infer Default }
    ? ConfigOf<Default>
    : Module extends {
          readonly name: string;
          readonly version: string;
          readonly setup?: ((config: infer C) => void) | undefined;
        }
      ? C
      : never;
/** Needed as soon as a plugin has to have something in it. */
type ConfigMember<C> = unknown extends C
  ? { readonly config?: JsonValue }
  : {} extends C
    ? { readonly config?: C }
    : { readonly config: C };
/** All that the config says of a plugin but its file. */
export type PluginSettings<Module> = Omit<PlainPlugin, "use" | "config"> &
  ConfigMember<ConfigOf<Module>>;
export type PluginArguments<Module> =
  {} extends PluginSettings<Module>
    ? [settings?: PluginSettings<Module>]
    : [settings: PluginSettings<Module>];

/**
 * Names a plugin. With its type, `plugin<typeof import("./plugins/x.ts")>("./plugins/x.ts", { … })`,
 * `config` is what that plugin takes. Nothing of the file is run here: only the sandbox does that.
 */
export function plugin<Module = unknown>(
  use: string,
  ...[settings]: PluginArguments<NoInfer<Module>>
): PlainPlugin {
  // What one plugin takes for its config is JSON, as that of any.
  return { use, ...settings } as PlainPlugin;
}

/** The parts of what `defineConfig` gave; undefined for anything else. */
export function partsOf(value: unknown): readonly unknown[] | undefined {
  if (typeof value !== "object" || value === null || !(partsKey in value)) return undefined;
  const parts = value[partsKey];
  return Array.isArray(parts) ? parts : undefined;
}
