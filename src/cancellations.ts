/**
 * Who may end an exchange early: a modern client by leaving, a legacy one by saying so, and an
 * operator who blocks what it is about.
 */
import {
  type Block,
  type Canceller,
  type Cancellation,
  type ClientIdentity,
  type Target,
  type Understood,
  createCanceller,
} from "./core/index.ts";
import { createAttendance } from "./attendance.ts";
import { type IdText, at, textOf } from "./mcp/index.ts";
import type { Blocks } from "./policy/index.ts";
import type { Matter, Sessions } from "./sessions/index.ts";

export interface Ticket {
  /** Fires when the exchange is to be given up. */
  readonly signal: Cancellation;
  /** What it is about, as soon as that is known. */
  readonly concerns: (target: Target | undefined) => void;
  /** It hands out again what was said about this. */
  readonly repeats: (about: Matter | undefined) => void;
  /** What took it away from its caller. */
  readonly block: () => Block | undefined;
  readonly close: () => void;
}

/** Of one process: what ends an exchange may come to another gateway of it than the one it is at. */
export interface Cancellations {
  readonly open: (exchange: Understood) => Ticket;
  /** Gives up the request that a legacy client's `notifications/cancelled` names. */
  readonly cancel: (exchange: Understood) => void;
  /** Settles when nothing is under way. */
  readonly idle: () => Promise<void>;
  readonly close: () => void;
}

interface UnderWay {
  readonly client: ClientIdentity;
  readonly canceller: Canceller;
  about: Matter | undefined;
  block: Block | undefined;
}

export function createCancellations(
  blocks: Pick<Blocks, "find" | "onChange">,
  sessions: Pick<Sessions, "cancel" | "onGivenUp">,
): Cancellations {
  const underWay = new Set<UnderWay>();
  const attendance = createAttendance();
  /** Requests under way, by session and id. */
  const bySession = new Map<string, Map<IdText, Canceller>>();

  const look = (each: UnderWay): void => {
    const { about, client } = each;
    const thing = about && { kind: about.what, upstream: about.upstream, name: about.name };
    each.block = blocks.find({ client: client.name, subject: client.subject }, thing);
    if (each.block !== undefined) each.canceller.abort();
  };
  const ends = [
    blocks.onChange(() => underWay.forEach(look)),
    sessions.onGivenUp((session, request) => {
      const own = bySession.get(session);
      if (request !== undefined) return own?.get(request)?.abort();
      for (const canceller of own?.values() ?? []) canceller.abort();
    }),
  ];

  return {
    open: ({ input, signal, client }) => {
      const canceller = createCanceller();
      const own: UnderWay = { client, canceller, about: undefined, block: undefined };
      underWay.add(own);
      const leave = attendance.enter();
      const unlink = link({ input, signal }, canceller);
      return {
        signal: canceller.signal,
        concerns: (target) => {
          if (target?.kind === "one") own.about = target;
          // What the gateway answers by itself was cut to what the caller may see just now.
          if (target?.kind === "one" || target?.kind === "subscription") look(own);
        },
        repeats: (about) => {
          own.about = about;
          look(own);
        },
        block: () => own.block,
        close: () => {
          underWay.delete(own);
          unlink();
          leave();
        },
      };
    },
    cancel: ({ input }) => {
      if (input.kind !== "notification" || input.method !== "notifications/cancelled") return;
      const id = at(input.params, "requestId");
      const { session = "" } = input.caller;
      if (id === undefined || session === "") return;
      const own = bySession.get(session)?.get(textOf(id));
      if (own !== undefined) own.abort();
      else void sessions.cancel(session, textOf(id));
    },
    idle: attendance.idle,
    close: () => ends.forEach((end) => end()),
  };

  /** What the caller may end it by; gives back how to forget that. */
  function link(
    { input, signal }: Pick<Understood, "input" | "signal">,
    canceller: Canceller,
  ): () => void {
    const { era, session } = input.caller;
    // Closing the connection is how a modern client cancels (2026-07-28, cancellation), and how
    // any client leaves a stream that has no end.
    if (era === "modern" || input.kind === "stream") {
      if (signal.aborted) canceller.abort();
      else signal.addEventListener("abort", canceller.abort, { once: true });
      return () => signal.removeEventListener("abort", canceller.abort);
    }
    if (input.kind !== "request" || session === undefined) return () => undefined;
    const { id } = input;
    const own = bySession.get(session) ?? new Map<IdText, Canceller>();
    bySession.set(session, own);
    own.set(id, canceller);
    return () => {
      if (own.get(id) === canceller) own.delete(id);
      if (own.size === 0 && bySession.get(session) === own) bySession.delete(session);
    };
  }
}
