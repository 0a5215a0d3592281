/** Who signs: questions that clients carry, calls that wait for operators, words that are used once. */
import {
  type Bus,
  type Cancellation,
  type Clock,
  type Crypto,
  type PendingApproval,
  type Seals,
  type Store,
  toHex,
} from "../core/index.ts";
import { type Pending, type PendingAnswer, type PendingWish, createPending } from "./pending.ts";
import { createPendingKeep } from "./pending-keep.ts";
import type { PendingEntry } from "./pending-text.ts";
import { type Tickets, createTickets } from "./ticket.ts";

export interface ApprovalsPorts {
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly store: Store;
  /** Absent where this instance is alone. */
  readonly bus?: Bus | undefined;
  /** Hears of each call that begins to wait for an operator; must not throw. */
  readonly announce?: ((begun: PendingApproval) => void) | undefined;
}
export interface Approvals extends Pick<Pending, "list" | "decide"> {
  readonly tickets: Tickets;
  /** The time that all instances agree on; milliseconds since the epoch. */
  readonly now: () => number;
  readonly newId: () => string;
  /** False where it was used before, on whichever instance. Rejects with a `StoreLost`. */
  readonly use: (id: string, ttlMs: number) => Promise<boolean>;
  /** Makes it good again, where its call was not sent. Only for whoever used it; never rejects. */
  readonly unuse: (id: string) => Promise<void>;
  /**
   * What an operator says of the call, who is waited for so long at most. Rejects with a `StoreLost`.
   */
  readonly settle: (
    wish: PendingWish,
    waitMs: number,
    signal: Cancellation,
  ) => Promise<PendingAnswer>;
  /** Makes an operator's yes good again, where its call was not sent. Never rejects. */
  readonly giveBack: (taken: PendingEntry) => Promise<void>;
  readonly close: () => void;
}

const channel = "approvals";
/** For what was published and did not arrive. */
const pollMs = 1_000;
const idBytes = 16;
/** How far the clocks of instances may be apart: for one that is behind, a question is good longer. */
const skewMs = 600_000;

/** `now` is the store's time where instances share one; without it this machine's. */
export async function openApprovals(
  { clock, crypto, store, bus, announce }: ApprovalsPorts,
  seals: Seals,
  now: () => number = clock.now,
): Promise<Approvals> {
  const keep = createPendingKeep(store, seals("pending"), now);
  const pending = createPending(keep, { now, randomBytes: crypto.randomBytes });
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const act of waiting) act();
  };
  const unsubscribe = await bus?.subscribe(channel, wake);

  /** Until somebody has decided something, or it is time to look again. */
  const pause = (ms: number, signal: Cancellation): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        waiting.delete(end);
        timer.cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = clock.after(ms, end);
      waiting.add(end);
      signal.addEventListener("abort", end, { once: true });
      if (signal.aborted) end();
    });

  return {
    tickets: createTickets(seals("approval")),
    now,
    newId: () => toHex(crypto.randomBytes(idBytes)),
    use: (id, ttlMs) => store.setOnce(usedKey(id), "used", Math.max(1, ttlMs) + skewMs),
    // What the store does not take back stays used.
    unuse: (id) => store.delete(usedKey(id)).catch(() => undefined),
    giveBack: (taken) => pending.giveBack(taken).catch(() => undefined),
    settle: async (wish, waitMs, signal) => {
      const from = clock.elapsed();
      for (;;) {
        const answer = await pending.settle(wish);
        if (answer.is === "waiting" && answer.begun !== undefined) announce?.(answer.begun);
        const left = waitMs - (clock.elapsed() - from);
        if (answer.is !== "waiting" || left <= 0 || signal.aborted) return answer;
        await pause(Math.min(left, pollMs), signal);
      }
    },
    list: pending.list,
    decide: async (clients, id, word) => {
      const outcome = await pending.decide(clients, id, word);
      wake();
      // Who does not hear of it looks by itself.
      bus?.publish(channel, "decided").catch(() => undefined);
      return outcome;
    },
    close: () => {
      unsubscribe?.();
      wake();
    },
  };
}

function usedKey(id: string): string {
  return `approval:${id}`;
}
