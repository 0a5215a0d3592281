/** Who listens to one legacy session, and what each has not fetched yet. */
import { type NotificationMessage, member, stringOf } from "../../mcp/index.ts";
import { toChange } from "../changes.ts";
import type { ListenWish } from "../link.ts";

/** Different changes that nobody has fetched; behind them the listener is behind for good. */
const MAX_WAITING = 1_000;

export interface Listener {
  /** What was wished for, the last of its kind, until `end`. */
  readonly changes: AsyncIterable<NotificationMessage>;
  readonly end: () => void;
}

export interface Listeners {
  readonly add: (wish: ListenWish, onEnd: () => void) => Listener;
  readonly size: () => number;
  readonly tell: (message: NotificationMessage) => void;
  readonly end: () => void;
}

interface Ear extends Listener {
  readonly put: (message: NotificationMessage) => void;
}

export function createListeners(): Listeners {
  const ears = new Set<Ear>();
  return {
    add: (wish, onEnd) => {
      const ear = createEar(wish, () => {
        ears.delete(ear);
        onEnd();
      });
      ears.add(ear);
      return ear;
    },
    size: () => ears.size,
    tell: (message) => {
      for (const ear of ears) ear.put(message);
    },
    end: () => {
      for (const ear of ears) ear.end();
    },
  };
}

function createEar(wish: ListenWish, onEnd: () => void): Ear {
  const waiting = new Map<string, NotificationMessage>();
  let isOver = false;
  let wake: (() => void) | undefined;

  function end(): void {
    if (isOver) return;
    isOver = true;
    waiting.clear();
    wake?.();
    onEnd();
  }

  async function* changes(): AsyncGenerator<NotificationMessage> {
    try {
      for (;;) {
        const [next] = waiting;
        if (next !== undefined) {
          waiting.delete(next[0]);
          yield next[1];
        } else if (isOver) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = undefined;
        }
      }
    } finally {
      end();
    }
  }

  return {
    changes: changes(),
    end,
    put: (message) => {
      if (isOver || toChange(message, wish) === undefined) return;
      const key = `${message.method} ${stringOf(member(message.params, "uri")) ?? ""}`;
      if (waiting.size >= MAX_WAITING && !waiting.has(key)) return end();
      waiting.set(key, message);
      wake?.();
    },
  };
}
