/** What can be set. */
export type { CheckContext } from "./checks/index.ts";
export { type Definitions, checkDefinitions } from "./checks/definitions.ts";
export { defineConfig, plugin, rule } from "./define.ts";
export type {
  ConfigContext,
  ConfigInput,
  ConfigPart,
  DefinedConfig,
  PluginArguments,
  PluginSettings,
  RuleInput,
  RuleSpec,
} from "./define.ts";
export { canonicalJson } from "./digest.ts";
export { toFault } from "./fault.ts";
export type { Fault, Finding } from "./fault.ts";
export { findImports } from "./find-imports.ts";
export { parseInputGrant } from "./input-grant.ts";
export type { InputGrant } from "./input-grant.ts";
export type { JsonValue } from "./json-value.ts";
export { loadConfig, placeFindings, prepareConfig } from "./load.ts";
export type { LoadedConfig, LoadOptions, PrepareOptions, RefusedConfig, Watched } from "./load.ts";
export { parseConfig } from "./parse.ts";
export type { Parsed } from "./parse.ts";
export { parsePackageName } from "./package-name.ts";
export type { PackageName } from "./package-name.ts";
export { folderOf, resolvePath } from "./path.ts";
export type { ConfigPorts } from "./ports.ts";
export { configExtensions, readConfigFile } from "./read-file.ts";
export type {
  AllowInput,
  PromptPattern,
  Register,
  ResourcePattern,
  RuleCondition,
  RuleFacts,
  RuleTargets,
  RuleValues,
  ToolPattern,
} from "./register.ts";
export { checkReload } from "./reload.ts";
export { isSameSetting } from "./same-setting.ts";
export { configSchema, defaultAsk, isClientName, test, upstreamName } from "./schema.ts";
export type {
  AdminConfig,
  AdminUserConfig,
  AuditConfig,
  ClientConfig,
  ConditionConfig,
  Config,
  DrainConfig,
  FetchGrantConfig,
  HttpUpstreamConfig,
  PackageUpstreamConfig,
  PluginConfig,
  RateConfig,
  RoleConfig,
  AskConfig,
  RuleConfig,
  RuleRateConfig,
  SanitizeConfig,
  StdioUpstreamConfig,
  TestConfig,
  UpstreamConfig,
  WebhookConfig,
  UpstreamRateConfig,
} from "./schema.ts";
export { isNoName, isPattern, nameShape, pattern } from "./schema-leaves.ts";
export { secret } from "./secret.ts";
export type { SecretCommand, SecretFile, SecretRef } from "./secret.ts";
export { suggest } from "./suggest.ts";
export { endOfDay } from "./until.ts";
export type { WhenFacts, WhenFunction } from "./when.ts";
