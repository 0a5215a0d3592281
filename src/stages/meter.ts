import { type Approved, type Metered, type Stage, pass, withFact } from "../core/index.ts";
import type { Limits } from "../limits/index.ts";

/** How often this upstream is called, whoever calls; the client's own buckets are in `limit`. */
export function meter(limits: Limits): Stage<Approved, Metered> {
  return {
    name: "meter",
    run: async (exchange) => {
      const { client, input, target } = exchange;
      if (target.kind === "one" && isForwarded(input)) {
        const refusal = await limits.meter({ client, upstream: target.upstream });
        if (refusal) return refusal;
      }
      return pass(withFact(exchange, { metered: true }));
    },
  };
}

/** Whoever follows a resource waits at the gateway, which hears of it for all of them at once. */
function isForwarded(input: Approved["input"]): boolean {
  return input.kind === "request" && input.does.what !== "follow";
}
