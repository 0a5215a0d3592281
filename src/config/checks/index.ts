/** What no schema can say: how the parts of a config fit each other. */
import type { Finding } from "../fault.ts";
import type { Config } from "../schema.ts";
import { checkAdmin } from "./admin.ts";
import { checkApprovers, checkWebhook } from "./approvers.ts";
import { checkExposure } from "./exposure.ts";
import { checkInput } from "./input.ts";
import { checkKeys } from "./keys.ts";
import { checkPlugins } from "./plugins.ts";
import { checkRates } from "./rates.ts";
import { checkRoles } from "./roles.ts";
import { checkEffects } from "./effects.ts";
import { checkConflicts } from "./conflicts.ts";
import { checkRules } from "./rules.ts";
import { checkStore } from "./store.ts";
import type { CheckContext, Checked, LeftOut } from "./subject.ts";
import { checkTargets } from "./targets.ts";
import { checkTokens } from "./tokens.ts";
import { checkUpstreams } from "./upstreams.ts";

export type { CheckContext, LeftOut } from "./subject.ts";

export function crossCheck(
  config: Config,
  leftOut: LeftOut,
  context: CheckContext,
): readonly Finding[] {
  const checked: Checked = {
    config,
    context,
    upstreams: new Set([...Object.keys(config.upstreams), ...leftOut.upstreams]),
    clients: new Set([...Object.keys(config.clients), ...leftOut.clients]),
    roles: new Set([...Object.keys(config.roles), ...leftOut.roles]),
    rules: config.rules.map((rule, index) => ({
      rule,
      path: ["rules", leftOut.ruleIndexes[index] ?? index],
    })),
    plugins: config.plugins.map((plugin, index) => ({
      plugin,
      path: ["plugins", leftOut.pluginIndexes[index] ?? index],
    })),
  };
  return [
    checkUpstreams,
    checkKeys,
    checkStore,
    checkTokens,
    checkExposure,
    checkAdmin,
    checkRates,
    checkTargets,
    checkInput,
    checkRoles,
    checkRules,
    checkEffects,
    checkApprovers,
    checkWebhook,
    checkConflicts,
    checkPlugins,
  ].flatMap((check) => check(checked));
}
