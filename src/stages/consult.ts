import { type Consulted, type Shaped, type Stage, pass } from "../core/index.ts";

/** Fixes what will be sent; from here on it is judged, and not changed any more. */
export function consult(): Stage<Shaped, Consulted> {
  return {
    name: "consult",
    run: (exchange) => pass({ ...exchange, call: exchange.shaped }),
  };
}
