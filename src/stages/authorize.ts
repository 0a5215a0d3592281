import {
  type Deny,
  type OneTarget,
  type Permit,
  type Permitted,
  type Routed,
  type Stage,
  type SubscriptionTarget,
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
      const { target } = exchange;
      switch (target.kind) {
        case "one": {
          const permit = decide(exchange, target);
          return "verdict" in permit ? permit : pass(withFact(exchange, { permit }));
        }
        case "subscription":
          return pass(withFact(exchange, { permit: whole, target: cut(exchange, target) }));
        // A list is cut item by item, a reply belongs to a call that was permitted.
        case "list":
        case "gateway":
        case "reply":
          return pass(withFact(exchange, { permit: whole }));
      }
    },
  };

  function decide({ client, address }: Routed, target: OneTarget): Permit | Deny {
    const subject = { client: client.name, subject: client.subject, address };
    const { upstream, what, name, isTemplate } = target;
    const decision = isTemplate
      ? policy.decideTemplate(subject, upstream, name)
      : policy.decide(subject, { kind: what, upstream, name });
    return decision.allowed
      ? { allowedBy: decision.allowedBy }
      : deny("TARGET_UNKNOWN", decision.why, { recorded: decision.recorded });
  }

  /** The server says which part of a subscription it agrees to: here, what the client may read. */
  function cut({ client, address }: Routed, target: SubscriptionTarget): SubscriptionTarget {
    const subject = { client: client.name, subject: client.subject, address };
    const resources = target.resources.filter(
      ({ upstream, uri }) =>
        policy.decide(subject, { kind: "resource", upstream, name: uri }).allowed,
    );
    return { ...target, resources };
  }
}

const whole: Permit = { allowedBy: undefined };
