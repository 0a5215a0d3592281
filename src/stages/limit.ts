import { type Counted, type Identified, type Stage, pass, withFact } from "../core/index.ts";
import type { Limits } from "../limits/index.ts";

/** How often, and how many at once. The slot is given back when the exchange ends. */
export function limit(limits: Limits): Stage<Identified, Counted> {
  return {
    name: "limit",
    run: async (exchange) => {
      const quota = await limits.enter(exchange.client, exchange.address);
      return "verdict" in quota ? quota : pass(withFact(exchange, { quota }));
    },
  };
}
