import { type Approved, type Metered, type Stage, pass, withFact } from "../core/index.ts";
import type { Limits } from "../limits/index.ts";

/**
 * How often this upstream is called, whoever calls, and what rules count; the client's own buckets
 * are in `limit`.
 */
export function meter(limits: Limits): Stage<Approved, Metered> {
  return {
    name: "meter",
    run: async (exchange) => {
      const { approval, client, input, target, judgement } = exchange;
      if (!isCounted(input)) return pass(withFact(exchange, { metered: true }));
      const { buckets } = judgement.adjust;
      const upstream = target.kind === "one" && isForwarded(input) ? target.upstream : undefined;
      if (upstream !== undefined || buckets.length > 0) {
        const refusal = await limits.meter({ client, upstream, buckets });
        if (refusal) {
          // What is not sent has used up nobody's word: a rate must not make people sign twice.
          await approval?.giveBack?.();
          return refusal;
        }
      }
      return pass(withFact(exchange, { metered: true }));
    },
  };
}

/** An exchange is counted once, however many rounds it takes; and to stop following costs nothing. */
function isCounted(input: Approved["input"]): boolean {
  if (input.kind !== "request") return true;
  return input.refused === undefined && !(input.does.what === "follow" && !input.does.starts);
}

/** Whoever follows a resource waits at the gateway, which hears of it for all of them at once. */
function isForwarded(input: Approved["input"]): boolean {
  return input.kind === "request" && input.does.what !== "follow";
}
