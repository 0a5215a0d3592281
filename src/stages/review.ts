import { type Answered, type Reviewed, type Stage, pass, withFact } from "../core/index.ts";

/** The answer as it goes on to `sanitize`. */
export function review(): Stage<Answered, Reviewed> {
  return {
    name: "review",
    run: (exchange) => pass(withFact(exchange, { reviewed: exchange.raw })),
  };
}
