/** How much one client does at once: its running calls, and apart from them its open streams. */
import type { Quota } from "../core/index.ts";

/** The slots of every client. Of a process and not of a config: a reload forgets no call. */
export interface SlotTable {
  /**
   * A slot for one call of the client, or undefined where `max` are taken. Beside the calls it has
   * `max` streams, so that streams which stay open for hours do not use up the calls. A call that
   * becomes a stream while all of those are taken stays a call.
   */
  readonly enter: (client: string, max: number) => Quota | undefined;
}

interface Used {
  call: number;
  stream: number;
}

export function createSlotTable(): SlotTable {
  const clients = new Map<string, Used>();
  return {
    enter: (client, max) => {
      const used = clients.get(client) ?? { call: 0, stream: 0 };
      if (used.call >= max) return undefined;
      clients.set(client, used);
      used.call++;
      let counted: keyof Used | undefined = "call";
      return {
        release: () => {
          if (counted === undefined) return;
          used[counted]--;
          counted = undefined;
          if (used.call + used.stream === 0) clients.delete(client);
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
