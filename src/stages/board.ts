/** What has changed and one client was not told of yet. */
import type { Cancellation, Clock, Timer } from "../core/index.ts";
import type { ListChange, UpstreamChange } from "../upstreams/index.ts";

/** Changes that one client was not told of yet. */
const maxPending = 1_000;
/** Changes of one list within so long are one, whichever upstreams they come from. */
const gatherMs = 250;

export interface Noted {
  readonly upstream: string;
  readonly change: Exclude<UpstreamChange, { readonly kind: "way" }>;
}
export interface Board {
  readonly note: (noted: Noted) => void;
  /** One more upstream is about to be heard of. */
  readonly expect: (settled: Promise<void>) => void;
  /** Each upstream is heard of, or is known not to be. */
  readonly settled: () => Promise<void>;
  /** Until the signal fires; what was noted before comes all the same. */
  readonly changes: () => AsyncGenerator<Noted>;
}

/** What changed and was not told of yet; a change that comes again is told of once. */
export function createBoard(clock: Clock, signal: Cancellation): Board {
  const pending = new Map<string, Noted>();
  const gathering = new Map<ListChange, Timer>();
  let wake: (() => void) | undefined;
  let expected: Promise<unknown> = Promise.resolve();
  const end = (): void => {
    for (const timer of gathering.values()) timer.cancel();
    gathering.clear();
    wake?.();
  };
  signal.addEventListener("abort", end, { once: true });

  const put = (key: string, noted: Noted): void => {
    // Nobody can follow more resources than this; parts of them are told of as far as there is room.
    if (pending.has(key) || pending.size >= maxPending) return;
    pending.set(key, noted);
    wake?.();
  };
  /** A server that says so all the time costs its list a few times a second, and no more. */
  const gather = (list: ListChange, noted: Noted): void => {
    if (gathering.has(list) || signal.aborted) return;
    const ripe = (): void => {
      gathering.delete(list);
      put(list, noted);
    };
    gathering.set(list, clock.after(gatherMs, ripe));
  };

  return {
    expect: (settled) => {
      expected = Promise.all([expected, settled]);
    },
    settled: async () => {
      await expected;
    },
    note: (noted) => {
      const { upstream, change } = noted;
      if (change.kind === "list") gather(change.list, noted);
      else put(JSON.stringify([upstream, change.uri]), noted);
    },
    changes: async function* () {
      for (;;) {
        const [next] = pending;
        if (next !== undefined) {
          pending.delete(next[0]);
          yield next[1];
          continue;
        }
        if (signal.aborted) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      }
    },
  };
}

/** Settles when the way to the upstream is open for the first time, or is not going to be soon. */
export function pump(
  upstream: string,
  changes: AsyncIterable<UpstreamChange>,
  board: Board,
): Promise<void> {
  return new Promise((settle) => {
    const run = async (): Promise<void> => {
      for await (const change of changes) {
        if (change.kind === "way") settle();
        else board.note({ upstream, change });
      }
      settle();
    };
    void run();
  });
}
