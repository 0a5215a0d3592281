/** How strict the cleaning is, resolved from the config objects that may say so. */
import type { SanitizeConfig } from "../config/index.ts";
import type { Literals } from "./literals.ts";

export type SecretMode = "redact" | "mask" | "deny" | "report" | "off";
export type HiddenMode = "strip" | "show" | "deny" | "off";

export interface SanitizeSettings {
  /**
   * What becomes of a secret. Attack: a server's answer carries a key into the model's context, from
   * where it is easily sent on. Default `redact`; `report` and `off` let it pass.
   */
  readonly secrets: SecretMode;
  /**
   * What becomes of characters a person does not see, and of addresses that run a script where they
   * are opened. Attack: instructions that only the model reads, and links that do more than they show.
   * Default `strip`; `show` makes characters visible, `off` lets all of it pass.
   */
  readonly hidden: HiddenMode;
  /** What the config itself keeps secret: withheld in every mode, since no setting is about it. */
  readonly literals?: Literals;
}

/** For places whose strings stay as they are but for what is configured. */
export function onlyLiterals({ literals }: SanitizeSettings): SanitizeSettings {
  return { secrets: "off", hidden: "off", ...(literals && { literals }) };
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
