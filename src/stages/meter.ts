import { type Approved, type Metered, type Stage, pass, withFact } from "../core/index.ts";

/** Rules and upstreams have no buckets of their own in this version; the client's is in `limit`. */
export function meter(): Stage<Approved, Metered> {
  return {
    name: "meter",
    run: (exchange) => pass(withFact(exchange, { metered: true })),
  };
}
