import {
  type Deny,
  type Permit,
  type Permitted,
  type Routed,
  type Stage,
  deny,
  pass,
  withFact,
} from "../core/index.ts";
import type { Policy } from "../policy/index.ts";

/**
 * May the client use this thing at all. What is forbidden is answered as what does not exist is;
 * only the record tells them apart.
 */
export function authorize(policy: Policy): Stage<Routed, Permitted> {
  return {
    name: "authorize",
    run: (exchange) => {
      const permit = decide(exchange);
      return "verdict" in permit ? permit : pass(withFact(exchange, { permit }));
    },
  };

  function decide({ target, client, address }: Routed): Permit | Deny {
    if (target.kind !== "one") return { allowedBy: undefined };
    const subject = { client: client.name, address };
    const { upstream, what, name } = target;
    if (target.isTemplate) {
      return policy.showsTemplate(subject, upstream, name)
        ? { allowedBy: name }
        : deny("TARGET_UNKNOWN", "No pattern reaches the template", { recorded: "POLICY_DENIED" });
    }
    const decision = policy.decide(subject, { kind: what, upstream, name });
    return decision.allowed
      ? { allowedBy: decision.allowedBy }
      : deny("TARGET_UNKNOWN", decision.why, { recorded: "POLICY_DENIED" });
  }
}
