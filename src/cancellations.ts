/** Who may end an exchange early: a modern client by leaving, a legacy one by saying so. */
import {
  type Cancellation,
  type Canceller,
  type Understood,
  createCanceller,
} from "./core/index.ts";
import { type IdText, at, textOf } from "./mcp/index.ts";

export interface Ticket {
  /** Fires when the exchange is to be given up. */
  readonly signal: Cancellation;
  readonly close: () => void;
}

export interface Cancellations {
  readonly open: (exchange: Understood) => Ticket;
}

const nothing = (): void => undefined;

export function createCancellations(): Cancellations {
  /** Requests under way in legacy sessions. */
  const cancellable = new Map<string, Canceller>();

  return {
    open: ({ input, signal }) => {
      const { era, session } = input.caller;
      // Closing the connection is how a modern client cancels (2026-07-28, cancellation).
      if (era === "modern") return { signal, close: nothing };
      if (input.kind === "notification" && input.method === "notifications/cancelled") {
        const id = at(input.params, "requestId");
        if (id !== undefined) cancellable.get(toKey(session, textOf(id)))?.abort();
      }
      const controller = createCanceller();
      if (input.kind !== "request" || session === undefined) {
        return { signal: controller.signal, close: nothing };
      }
      const key = toKey(session, input.id);
      cancellable.set(key, controller);
      const close = (): void => {
        if (cancellable.get(key) === controller) cancellable.delete(key);
      };
      return { signal: controller.signal, close };
    },
  };
}

function toKey(session: string | undefined, id: IdText): string {
  return `${session} ${id}`;
}
