/** What a config and a program import from `mcp-gw`. */
export { defineConfig, plugin, rule, secret } from "./config/index.ts";
export type {
  AllowInput,
  ConfigContext,
  ConfigInput,
  ConfigPart,
  DefinedConfig,
  InputGrant,
  JsonValue,
  PluginArguments,
  PluginSettings,
  PromptPattern,
  Register,
  ResourcePattern,
  RuleCondition,
  RuleFacts,
  RuleInput,
  RuleSpec,
  RuleTargets,
  RuleValues,
  SecretCommand,
  SecretFile,
  SecretRef,
  ToolPattern,
  WhenFacts,
  WhenFunction,
} from "./config/index.ts";
export { demoUpstream } from "./demo/index.ts";
export type { DemoName, DemoUpstream } from "./demo/index.ts";
export { ConfigError, createGateway } from "./library.ts";
export type { CreateGatewayOptions, MountableGateway } from "./library.ts";
