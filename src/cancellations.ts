/** Who may end an exchange early: a modern client by leaving, a legacy one by saying so. */
import {
  type Caller,
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
  /** Gives up the request that a legacy client's `notifications/cancelled` names. */
  readonly cancel: (exchange: Understood) => void;
  /** Gives up all that is under way in a session. */
  readonly endSession: (caller: Caller) => void;
}

const nothing = (): void => undefined;

export function createCancellations(): Cancellations {
  /** Requests under way, by session and id. */
  const sessions = new Map<string, Map<IdText, Canceller>>();

  return {
    open: ({ input, signal }) => {
      const { era, session } = input.caller;
      // Closing the connection is how a modern client cancels (2026-07-28, cancellation), and how
      // any client leaves a stream that has no end.
      if (era === "modern" || input.kind === "stream") return { signal, close: nothing };
      const canceller = createCanceller();
      if (input.kind !== "request" || session === undefined) {
        return { signal: canceller.signal, close: nothing };
      }
      const own = sessions.get(session) ?? new Map<IdText, Canceller>();
      sessions.set(session, own);
      own.set(input.id, canceller);
      const close = (): void => {
        if (own.get(input.id) === canceller) own.delete(input.id);
        if (own.size === 0 && sessions.get(session) === own) sessions.delete(session);
      };
      return { signal: canceller.signal, close };
    },
    cancel: ({ input }) => {
      if (input.kind !== "notification" || input.method !== "notifications/cancelled") return;
      const id = at(input.params, "requestId");
      const own = sessions.get(input.caller.session ?? "");
      if (id !== undefined) own?.get(textOf(id))?.abort();
    },
    endSession: ({ session = "" }) => {
      for (const canceller of sessions.get(session)?.values() ?? []) canceller.abort();
    },
  };
}
