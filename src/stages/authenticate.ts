import { type Arrived, type Identified, type Stage, deny, pass, withFact } from "../core/index.ts";
import { type Identity, isLoopback } from "../identity/index.ts";
import type { Limits } from "../limits/index.ts";

/** Finds out which client is calling; failures are counted per address. */
export function authenticate(identity: Identity, limits: Limits): Stage<Arrived, Identified> {
  return {
    name: "authenticate",
    run: async (exchange) => {
      const { address, forwarded, headers } = exchange;
      const found = identity.authenticate({
        authorization: headers.get("authorization"),
        address,
        loopback: isLoopback(address),
        forwarded,
      });
      if ("verdict" in found) return (await limits.stranger(address)) ?? found;
      const origin = headers.get("origin");
      if (origin !== null && !identity.origins(found.client.name).has(origin)) {
        return deny("ORIGIN_FORBIDDEN", "The Origin belongs to another client");
      }
      return pass(withFact(exchange, { client: found.client }));
    },
  };
}
