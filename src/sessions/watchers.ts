/** Who wants to hear when the state of a session changes in this process, and when it ends. */
import type { SessionState } from "./record.ts";
import { soon } from "./soon.ts";

type Act = (state: SessionState | undefined) => void;

export interface Watchers {
  readonly watch: (session: string, act: Act) => () => void;
  readonly tell: (session: string, state: SessionState) => void;
  /** Tells undefined, and then nothing more. */
  readonly end: (session: string) => void;
  /** Entries in memory. */
  readonly entries: () => number;
}

/** Where a session has ended already, the watcher hears that as soon as `watch` has returned. */
export function createWatchers(isOpen: (session: string) => boolean): Watchers {
  const bySession = new Map<string, Set<{ readonly act: Act }>>();
  return {
    watch: (session, act) => {
      if (!isOpen(session)) return soon(() => act(undefined));
      const entry = { act };
      const entries = bySession.get(session) ?? new Set();
      bySession.set(session, entries.add(entry));
      return () => {
        entries.delete(entry);
        if (entries.size === 0 && bySession.get(session) === entries) bySession.delete(session);
      };
    },
    tell: (session, state) => {
      const entries = bySession.get(session);
      // Copied: one that begins to watch meanwhile has seen the state already.
      const told = [...(entries ?? [])];
      for (const entry of told) {
        if (entries?.has(entry) === true) entry.act(state);
      }
    },
    end: (session) => {
      const told = bySession.get(session) ?? [];
      bySession.delete(session);
      for (const { act } of told) act(undefined);
    },
    entries: () => bySession.size,
  };
}
