/** How much a legacy session's server logs: as much as the most curious of its calls wants. */

import { severities } from "../mcp/index.ts";

export interface LogLevel {
  /** Settles when the upstream has heard of it; undefined where there is nothing to say. */
  readonly want: (level: string | undefined) => Promise<void> | undefined;
  /** Whether it was ever asked to log. */
  readonly isSet: () => boolean;
}

/** `say` tells the upstream, and never rejects. */
export function createLogLevel(say: (level: string) => Promise<unknown>): LogLevel {
  let set = severities.length;
  let said: Promise<void> | undefined;
  return {
    want: (level) => {
      const wanted = severities.indexOf(level ?? "");
      if (wanted < 0) return undefined;
      if (wanted < set) {
        set = wanted;
        const before = said ?? Promise.resolve();
        const now = before
          .then(() => say(severities[wanted]!))
          .then(() => {
            if (said === now) said = undefined;
          });
        said = now;
      }
      return said;
    },
    isSet: () => set < severities.length,
  };
}
