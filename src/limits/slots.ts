/** How much one client does at once: its running calls, and apart from them its open streams. */
import type { Quota } from "../core/index.ts";

export interface Slots {
  /** A slot for one call, or undefined where all are taken. */
  readonly enter: () => Quota | undefined;
}

/**
 * `max` calls and beside them `max` streams, so that streams which stay open for hours do not
 * use up the calls. A call that becomes a stream while all of those are taken stays a call.
 */
export function createSlots(max: number): Slots {
  const used = { call: 0, stream: 0 };
  return {
    enter: () => {
      if (used.call >= max) return undefined;
      used.call++;
      let counted: "call" | "stream" | undefined = "call";
      return {
        release: () => {
          if (counted) used[counted]--;
          counted = undefined;
        },
        becomeStream: () => {
          if (counted !== "call" || used.stream >= max) return;
          used.call--;
          used.stream++;
          counted = "stream";
        },
      };
    },
  };
}
