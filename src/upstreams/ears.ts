/** Those who listen to one upstream, and the lists that they are to look at again. */
import type { UpstreamChange } from "./face.ts";
import type { ListChange } from "./link.ts";

/** Another instance says so, or may have said so. */
export type Hint = Extract<UpstreamChange, { readonly kind: "list" }>;

export interface Ear {
  /** What `next` gives until it is done, and the hints that come meanwhile; one at a time. */
  readonly during: <T>(next: () => Promise<IteratorResult<T, unknown>>) => AsyncGenerator<T | Hint>;
  readonly close: () => void;
}

export interface Ears {
  readonly open: (lists: ReadonlySet<ListChange>) => Ear;
  readonly tell: (list: ListChange) => void;
}

export function createEars(): Ears {
  const ears = new Set<(list: ListChange) => void>();

  function open(lists: ReadonlySet<ListChange>): Ear {
    /** A list that is told of again before anybody looks is told of once. */
    const told = new Set<ListChange>();
    let wake = (): void => undefined;
    const tell = (list: ListChange): void => {
      if (!lists.has(list)) return;
      told.add(list);
      wake();
    };
    ears.add(tell);

    async function* during<T>(
      next: () => Promise<IteratorResult<T, unknown>>,
    ): AsyncGenerator<T | Hint> {
      let coming: Promise<unknown> | undefined;
      let arrived: (() => IteratorResult<T, unknown>) | undefined;
      for (;;) {
        for (const list of told) {
          told.delete(list);
          yield { kind: "list", list };
        }
        if (arrived !== undefined) {
          const { value, done } = arrived();
          if (done === true) return;
          yield value;
          arrived = undefined;
          coming = undefined;
        } else {
          // Not a race: a promise that stays open would remember each hint that came before it.
          await new Promise<void>((resolve) => {
            wake = resolve;
            coming ??= next().then(
              (result) => {
                arrived = () => result;
                wake();
              },
              (fault: unknown) => {
                arrived = () => {
                  throw fault;
                };
                wake();
              },
            );
          });
        }
      }
    }

    return { during, close: () => ears.delete(tell) };
  }

  return {
    open,
    tell: (list) => {
      for (const tell of ears) tell(list);
    },
  };
}
