/** The stream that each session has for itself (GET), one at a time. */
import { soon } from "./soon.ts";

export interface OwnStreams {
  readonly takeOver: (session: string, end: () => void) => () => void;
  readonly end: (session: string) => void;
  /** Entries in memory. */
  readonly entries: () => number;
}

/** Where a session has ended already, a new stream is ended as soon as `takeOver` has returned. */
export function createOwnStreams(isOpen: (session: string) => boolean): OwnStreams {
  const bySession = new Map<string, { readonly end: () => void }>();
  return {
    takeOver: (session, end) => {
      if (!isOpen(session)) return soon(end);
      const own = { end };
      const before = bySession.get(session);
      bySession.set(session, own);
      before?.end();
      return () => {
        if (bySession.get(session) === own) bySession.delete(session);
      };
    },
    end: (session) => {
      const own = bySession.get(session);
      bySession.delete(session);
      own?.end();
    },
    entries: () => bySession.size,
  };
}
