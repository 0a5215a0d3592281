import { type Consulted, type Shaped, type Stage, pass, withFact } from "../core/index.ts";

/** Fixes what will be sent; from here on it is judged, and not changed any more. */
export function consult(): Stage<Shaped, Consulted> {
  return {
    name: "consult",
    run: (exchange) => pass(withFact(exchange, { call: exchange.shaped.params })),
  };
}
