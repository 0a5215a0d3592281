/** What a config and a program import from `mcp-gw`. */
export { defineConfig, rule, secret } from "./config/index.ts";
export type {
  ConfigContext,
  ConfigInput,
  ConfigPart,
  DefinedConfig,
  InputGrant,
  JsonValue,
  RuleInput,
  SecretCommand,
  SecretFile,
  SecretRef,
  WhenFacts,
  WhenFunction,
} from "./config/index.ts";
export { demoUpstream } from "./demo/index.ts";
export type { DemoName, DemoUpstream } from "./demo/index.ts";
export { ConfigError, createGateway } from "./library.ts";
export type { CreateGatewayOptions, MountableGateway } from "./library.ts";
