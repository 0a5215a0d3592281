/** What the policy had said of a recorded exchange. */
import type { RecordedCall } from "../audit/index.ts";
import { type MethodRow, methods } from "../mcp/index.ts";

/**
 * What the policy said where it did not just let the call pass. `"APPROVAL_REQUIRED"`: it asks a
 * person, whatever that one said; `"POLICY_DENIED"` also where no upstream had a thing of that name: from
 * outside they are one.
 */
export type SettledCode =
  | "APPROVAL_REQUIRED"
  | "POLICY_DENIED"
  | "RULE_DENIED"
  | "RULE_FAILED"
  | "RULE_CONFLICT";
/** Undefined where it let the exchange pass, whatever became of it then. */
export interface Settled {
  readonly code: SettledCode | undefined;
}
/** Why an exchange is none that the policy of a config decides. */
export type Aside =
  | "refused before the policy was asked"
  | "not about one tool, resource or prompt"
  | "taken away by a block"
  | "not offered by the upstream"
  | "ended by a fault of the gateway";

const refusals = new Set<string>(["RULE_DENIED", "RULE_FAILED", "RULE_CONFLICT"]);
/** From here on an exchange has passed all that the policy says. */
const behind = new Set(["approve", "meter", "forward", "review", "sanitize", "respond"]);
const single: ReadonlySet<MethodRow["does"]["what"]> = new Set([
  "act",
  "complete",
  "follow",
  "task",
]);

function isOfOneThing(method: string | undefined): boolean {
  const row = method === undefined ? undefined : methods.get(method);
  return row !== undefined && single.has(row.does.what);
}

export function toSettled(call: RecordedCall): Settled | Aside {
  const { client, method, decision, stage = "", code } = call;
  const passed: Settled = { code: call.isAsked ? "APPROVAL_REQUIRED" : undefined };
  if (client === undefined || method === undefined) return "refused before the policy was asked";
  if (!isOfOneThing(method)) return "not about one tool, resource or prompt";
  if (decision !== "denied") {
    return decision === "failed" && code === "INTERNAL"
      ? "ended by a fault of the gateway"
      : passed;
  }
  if (code === "INTERNAL") return "ended by a fault of the gateway";
  if (code === "BLOCKED") return "taken away by a block";
  if (code === "POLICY_DENIED") return { code };
  if (code !== undefined && refusals.has(code)) return { code: code as SettledCode };
  // What may pass at all is asked before the plugins.
  if (behind.has(stage) || call.byPlugins === "refused") return passed;
  switch (stage) {
    case "route":
      // A task that is not known says nothing of what it was of.
      return code === "TARGET_UNKNOWN" && methods.get(method)?.does.what !== "task"
        ? { code: "POLICY_DENIED" }
        : "refused before the policy was asked";
    case "shape":
      if (code === "TARGET_UNKNOWN" || code === "QUARANTINED") return "not offered by the upstream";
      // What the upstream lists could not be asked: the policy had let the call pass so far.
      return code?.startsWith("UPSTREAM_") === true
        ? { code: undefined }
        : "refused before the policy was asked";
    case "judge":
      // The schema is asked after the rules.
      return code === "ARGUMENTS_INVALID" ? passed : "refused before the policy was asked";
    default:
      return "refused before the policy was asked";
  }
}
