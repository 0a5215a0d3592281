/** Remembers what was sent on each stream of one session, so that a client can ask for the rest. */
import type { EventStore, JSONRPCMessage } from "@modelcontextprotocol/server";

interface Sent {
  readonly stream: string;
  readonly message: JSONRPCMessage;
}

export function createEventLog(): EventStore {
  const events: Sent[] = [];
  const find = (id: string): Sent | undefined => events[Number(id) - 1];
  return {
    storeEvent: async (stream, message) => String(events.push({ stream, message })),
    getStreamIdForEventId: async (id) => find(id)?.stream,
    replayEventsAfter: async (id, { send }) => {
      const stream = find(id)?.stream ?? "";
      for (const [index, event] of events.entries()) {
        // A priming event is an empty message that only carries the id.
        const isMessage = "jsonrpc" in event.message;
        if (index < Number(id) || event.stream !== stream || !isMessage) continue;
        await send(String(index + 1), event.message);
      }
      return stream;
    },
  };
}
