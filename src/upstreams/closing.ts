/**
 * Tells everyone who waits that the upstreams are closed. Not an `AbortSignal`: that one warns of a
 * leak from eleven listeners on, and here every open call listens.
 */
export interface Closing {
  readonly isClosed: () => boolean;
  /** Runs `act` at the close, at once if that has been; gives back what takes it off again. */
  readonly onClose: (act: () => void) => () => void;
}

export function createClosing(): Closing & { readonly close: () => void } {
  const acts = new Set<() => void>();
  let closed = false;
  return {
    isClosed: () => closed,
    onClose: (act) => {
      if (closed) act();
      else acts.add(act);
      return () => acts.delete(act);
    },
    close: () => {
      closed = true;
      for (const act of acts) act();
      acts.clear();
    },
  };
}
