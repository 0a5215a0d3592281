/** The bus of a gateway that runs alone: it hears only itself. */
import type { Bus, Ports } from "../core/index.ts";
import { assertFits } from "./bounds.ts";
import { createSubscriptions } from "./subscriptions.ts";

/** Nothing is kept: what nobody listens to is gone. */
export function createMemoryBus(ports: Pick<Ports, "log">): Bus {
  const subscriptions = createSubscriptions(ports.log);
  return {
    publish: async (channel, text) => {
      assertFits(text);
      // Never within the call that publishes, as with a store outside.
      queueMicrotask(() => subscriptions.deliver(channel, text));
    },
    subscribe: async (channel, act) => subscriptions.add(channel, act),
  };
}
