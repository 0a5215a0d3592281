/** What several rules together want of a person: the strictest of each, in any order. */
import type { ApprovalDemand } from "../core/index.ts";
import type { Rule } from "./rule.ts";

/** An operator's word is worth more than the client's; undefined where no rule asks. */
export function toDemand(rules: readonly Rule[]): ApprovalDemand | undefined {
  const asking = rules.flatMap(({ asks, name, why }) => (asks ? [{ ...asks, name, why }] : []));
  if (asking.length === 0) return undefined;
  const why = asking.flatMap((each) => each.why ?? []);
  return {
    via: asking.some(({ via }) => via === "operator") ? "operator" : "client",
    expiresMs: Math.min(...asking.map(({ expiresMs }) => expiresMs)),
    waitMs: Math.min(...asking.map(({ waitMs }) => waitMs)),
    rules: asking.map(({ name }) => name),
    why: why.length === 0 ? undefined : why.join("; "),
  };
}
