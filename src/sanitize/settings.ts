/** How strict the cleaning is, resolved from the config objects that may say so. */
import type { SanitizeConfig } from "../config/index.ts";

export type SecretMode = "redact" | "mask" | "deny" | "report" | "off";
export type HiddenMode = "strip" | "show" | "deny" | "off";

export interface SanitizeSettings {
  /**
   * What becomes of a secret. Attack: a server's answer carries a key into the model's context, from
   * where it is easily sent on. Default `redact`; `report` and `off` let it pass.
   */
  readonly secrets: SecretMode;
  /**
   * What becomes of characters a person does not see. Attack: instructions that only the model reads.
   * Default `strip`; `show` makes them visible, `off` lets them pass.
   */
  readonly hidden: HiddenMode;
}

/** Each setting is taken from the first object that has it. */
export function resolveSettings(
  ...nearestFirst: readonly (SanitizeConfig | undefined)[]
): SanitizeSettings {
  return {
    secrets: nearestFirst.find((each) => each?.secrets !== undefined)?.secrets ?? "redact",
    hidden: nearestFirst.find((each) => each?.hidden !== undefined)?.hidden ?? "strip",
  };
}
