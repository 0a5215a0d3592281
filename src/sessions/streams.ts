/** The event streams of sessions, whose events can be asked for again. */
import type { Cancellation, OneTarget, Ports } from "../core/index.ts";
import { createStreamId, parseEventId } from "./event-id.ts";
import { createExpiry } from "./expiry.ts";
import { createOwnStreams } from "./own-streams.ts";
import { type Replay, createReplay } from "./replay.ts";
import { createShelf } from "./shelf.ts";

/**
 * The event streams of sessions, whose events can be asked for again (2025-11-25, transports,
 * resumability and redelivery). Kept in this process, and only as far as the bounds reach: who asks
 * for more than that is told so, and no event is ever left out between two others.
 */
export interface Streams {
  /** A new stream of this session: of one of its calls, or its own (GET). */
  readonly open: (session: string, isOwn?: boolean, about?: Matter) => EventLog;
  /** Whether that is an event of a stream that is the session's own. */
  readonly isOwn: (session: string, event: string) => boolean;
  /** What the call is about to whose stream that event belongs. */
  readonly about: (session: string, event: string) => Matter | undefined;
  /**
   * What came after that event on its stream, and what still comes, until the stream has ended or
   * `signal` fires; undefined where this session has no such stream or the events after it are no
   * longer all kept. One reader at a time: a new one ends the one before, and so does a reader's own
   * slowness once events it has not read must go.
   */
  readonly resume: (
    session: string,
    after: string,
    signal: Cancellation,
  ) => AsyncIterable<string> | undefined;
  /**
   * The session's own stream (GET): the one that was open before is ended by its `end`, and this one
   * when the session ends. Gives back how to leave.
   */
  readonly takeOver: (session: string, end: () => void) => () => void;
}
/** What a call is about, without what it was sent with. */
export type Matter = Pick<OneTarget, "what" | "upstream" | "name">;
export interface EventLog {
  /** The whole server-sent event with an id of this stream, kept for replay. */
  readonly append: (data: string) => string;
  /**
   * An event with an id and empty data, sent first so that a client can come back before anything
   * was said (2025-11-25, SEP-1699); with `retry` in milliseconds where given.
   */
  readonly prime: (retryMs?: number) => string;
  /** No more will come; what is kept can be asked for during five more minutes. */
  readonly close: () => void;
}
export interface StreamBook extends Streams {
  /** Lets go of all that is kept for the session. */
  readonly end: (session: string) => void;
  /** Entries in memory. */
  readonly entries: () => number;
}

interface Kept {
  readonly session: string;
  readonly id: string;
  readonly isOwn: boolean;
  readonly about: Matter | undefined;
  readonly replay: Replay;
}

/** Of one stream. */
const bounds = { maxEvents: 1000, maxUnits: 1024 * 1024 } as const;
const maxPerSession = 64;
/** All together, in UTF-16 units. */
const maxUnits = 64 * 1024 * 1024;
/** What a stream costs that holds nothing yet. */
const emptyUnits = 512;
const keptAfterCloseMs = 5 * 60 * 1000;

/** `clientOf` tells whose session it is; undefined where it has ended, and then nothing is kept. */
export function createStreams(
  { clock, crypto }: Pick<Ports, "clock" | "crypto">,
  clientOf: (session: string) => string | undefined,
): StreamBook {
  const bySession = new Map<string, Map<string, Kept>>();
  const own = createOwnStreams((session) => clientOf(session) !== undefined);

  const letGo = (kept: Kept): void => {
    const streams = bySession.get(kept.session);
    streams?.delete(kept.id);
    if (streams?.size === 0) bySession.delete(kept.session);
    shelf.drop(kept);
    closed.drop(kept);
    kept.replay.letGo();
  };
  const shelf = createShelf<Kept>(maxUnits, letGo);
  const closed = createExpiry<Kept>(clock, keptAfterCloseMs, letGo);

  const isKept = (kept: Kept): boolean => bySession.get(kept.session)?.get(kept.id) === kept;
  const weigh = (kept: Kept): void => {
    const client = clientOf(kept.session);
    if (client !== undefined && isKept(kept)) {
      const units = kept.replay.units() + (kept.about?.name.length ?? 0) + emptyUnits;
      shelf.put(kept, client, units);
    }
  };
  const keep = (kept: Kept): void => {
    const streams = bySession.get(kept.session) ?? new Map<string, Kept>();
    if (streams.size >= maxPerSession) {
      const all = [...streams.values()];
      const oldest = all.find(({ replay }) => replay.isClosed()) ?? all[0];
      if (oldest !== undefined) letGo(oldest);
    }
    bySession.set(kept.session, streams.set(kept.id, kept));
    weigh(kept);
  };

  const find = (session: string, event: string): Kept | undefined => {
    const place = parseEventId(event);
    return place && bySession.get(session)?.get(place.stream);
  };

  return {
    open: (session, isOwn = false, about = undefined) => {
      const id = createStreamId(crypto);
      const kept: Kept = { session, id, isOwn, about, replay: createReplay(id, bounds) };
      if (clientOf(session) === undefined) kept.replay.letGo();
      else keep(kept);
      const append = (data: string, retryMs?: number): string => {
        const event = kept.replay.append(data, retryMs);
        weigh(kept);
        return event;
      };
      return {
        append: (data) => append(data),
        prime: (retryMs) => append("", retryMs),
        close: () => {
          if (isKept(kept) && !kept.replay.isClosed()) closed.touch(kept);
          kept.replay.close();
        },
      };
    },
    isOwn: (session, event) => find(session, event)?.isOwn === true,
    about: (session, event) => find(session, event)?.about,
    resume: (session, after, signal) => {
      const place = parseEventId(after);
      const kept = find(session, after);
      if (place === undefined || kept === undefined) return undefined;
      weigh(kept);
      return kept.replay.read(place.number, signal);
    },
    takeOver: own.takeOver,
    end: (session) => {
      for (const kept of bySession.get(session)?.values() ?? []) letGo(kept);
      own.end(session);
    },
    entries: () => shelf.entries() + closed.entries() + bySession.size + own.entries(),
  };
}
