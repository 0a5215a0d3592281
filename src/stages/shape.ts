import { type Permitted, type Shaped, type Stage, pass, withFact } from "../core/index.ts";

/** The parameters as the policy wants them sent: the upstream's own names, and nothing else changed. */
export function shape(): Stage<Permitted, Shaped> {
  return {
    name: "shape",
    run: (exchange) => {
      const { input, target } = exchange;
      const hasParams = input.kind === "request" || input.kind === "notification";
      const sent = hasParams ? input.params : undefined;
      return pass(withFact(exchange, { shaped: target.kind === "one" ? target.params : sent }));
    },
  };
}
