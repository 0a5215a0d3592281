/** What the test server shows only at times: one tool and one prompt that come and go on request. */

export interface Changes {
  readonly shows: (kind: Changing) => boolean;
  /** Shows what was hidden, or hides it, and tells everyone who follows. */
  readonly turn: (kind: Changing) => void;
  /** For as long as the process lives. */
  readonly follow: (listener: (kind: Changing) => void) => void;
}

export type Changing = "tools" | "prompts";

export function createChanges(): Changes {
  const shown = new Set<Changing>();
  const listeners: ((kind: Changing) => void)[] = [];
  return {
    shows: (kind) => shown.has(kind),
    turn: (kind) => {
      if (!shown.delete(kind)) shown.add(kind);
      for (const listener of listeners) listener(kind);
    },
    follow: (listener) => void listeners.push(listener),
  };
}
