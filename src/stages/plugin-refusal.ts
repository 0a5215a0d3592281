/** What a refusal of a plugin is for the client, for the record and for the log. */
import { type Deny, type Failure, deny, failure, problems } from "../core/index.ts";
import type { PluginRefusal } from "./plugin-chain.ts";

/** A reason is read by people and models; what is longer is no reason. */
const maxReason = 1_024;

type Told = Pick<Deny, "why" | "number" | "data"> & {
  readonly code: "PLUGIN_DENIED" | "PLUGIN_FAILED";
};

/** The client reads the plugin's own reason, and of a plugin that failed nothing but that it did. */
export function toPluginDeny(refusal: PluginRefusal): Deny {
  const { code, why, ...extra } = tell(refusal);
  return deny(code, why, extra);
}

/** The end of an answer that a plugin refuses; `clean` is for a reason that the client reads. */
export function toPluginFailure(refusal: PluginRefusal, clean: (why: string) => string): Failure {
  const { code, why, data } = tell(refusal);
  return { ...failure(code, clean(why)), refused: { stage: "review", data } };
}

function tell(refusal: PluginRefusal): Told {
  if (refusal.kind === "failed") {
    const { plugin, hook, code, why } = refusal;
    const what = `Plugin "${plugin}" failed in ${hook}: ${code}, ${why}`;
    return { code: "PLUGIN_FAILED", why: what.slice(0, maxReason) };
  }
  const { reason, code } = refusal;
  const why = reason.slice(0, maxReason).toWellFormed() || problems.PLUGIN_DENIED.message;
  if (code === "policy") return { code: "PLUGIN_DENIED", why };
  return { code: "PLUGIN_DENIED", why, number: numbers[code], data: { kind: code } };
}

/** Those that stand for the same where no plugin says so. */
const numbers = {
  rate_limit: problems.RATE_EXCEEDED.number.modern,
  invalid: problems.PARAMS_INVALID.number.modern,
};
