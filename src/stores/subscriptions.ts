/** Who listens to which channel. */
import type { Log } from "../core/index.ts";

type Act = (text: string) => void;

export interface Subscriptions {
  /** Returns what ends it. */
  readonly add: (channel: string, act: Act) => () => void;
  readonly deliver: (channel: string, text: string) => void;
  readonly channels: () => readonly string[];
  readonly clear: () => void;
}

/** `idle` hears of each channel that nobody listens to any longer. */
export function createSubscriptions(
  log: Log,
  idle: (channel: string) => void = () => undefined,
): Subscriptions {
  /** By a symbol each, so that one function may listen twice. */
  const listeners = new Map<string, Map<symbol, Act>>();
  return {
    add: (channel, act) => {
      const name = Symbol(channel);
      const acts = listeners.get(channel) ?? new Map<symbol, Act>();
      listeners.set(channel, acts.set(name, act));
      return () => {
        if (!acts.delete(name) || acts.size > 0 || listeners.get(channel) !== acts) return;
        listeners.delete(channel);
        idle(channel);
      };
    },
    deliver: (channel, text) => {
      // As they are now: one that is added by another waits for the next text.
      const acts = [...(listeners.get(channel)?.values() ?? [])];
      for (const act of acts) {
        try {
          act(text);
        } catch (error) {
          const cause = error instanceof Error ? error.message : String(error);
          log.error("A listener of the bus failed", { cause });
        }
      }
    },
    channels: () => [...listeners.keys()],
    clear: () => listeners.clear(),
  };
}
