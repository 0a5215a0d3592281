/** The wish that something be given up: what an `AbortSignal` says, at a tenth of its cost. */
export interface Cancellation {
  readonly aborted: boolean;
  readonly addEventListener: (
    type: "abort",
    act: () => void,
    options?: { readonly once?: boolean },
  ) => void;
  readonly removeEventListener: (type: "abort", act: () => void) => void;
}

export interface Canceller {
  readonly signal: Cancellation;
  /** Once; each listener is run then, and one that comes later never. */
  readonly abort: () => void;
}

/** An `AbortSignal` fits wherever a `Cancellation` is asked for; two of these serve each call. */
export function createCanceller(): Canceller {
  let aborted = false;
  let acts: Set<() => void> | undefined;
  return {
    signal: {
      get aborted() {
        return aborted;
      },
      addEventListener: (_, act) => {
        if (!aborted) (acts ??= new Set()).add(act);
      },
      removeEventListener: (_, act) => {
        acts?.delete(act);
      },
    },
    abort: () => {
      if (aborted) return;
      aborted = true;
      const told = acts;
      acts = undefined;
      for (const act of told ?? []) act();
    },
  };
}
