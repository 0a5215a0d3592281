/** The line to one plugins' thread: what it was asked, and whether it is still there. */
import type { Clock, Threads } from "../../core/index.ts";
import type { Order, Packed, Report } from "../thread/messages.ts";
import { createPulseMemory, readPulse } from "../thread/pulse.ts";
import { createVigil } from "../thread/vigil.ts";
import { packOrder, unpackReport } from "../thread/wire.ts";
import { createWatch } from "./watch.ts";

/** Why a thread is gone. */
export interface Loss {
  readonly why: string;
  /** The one that ran when it went, by its number. */
  readonly plugin: number | undefined;
  /** It did not go by itself, so where the runtime cannot end it, it still burns. */
  readonly isStuck: boolean;
}
type ReportOf<Type> = Extract<Report, { readonly type: Type }>;
/** Hears of what was ordered under one number. */
export interface Listener {
  /** The last that is heard. */
  readonly ended: (report: ReportOf<"ended" | "opened" | "inspected" | "stripped">) => void;
  readonly asks?: (report: ReportOf<"ask">) => void;
  readonly lost: (loss: Loss) => void;
}
export interface Link {
  /** It has answered something, so that its engine is open. */
  readonly isReady: () => boolean;
  /** How much is under way. */
  readonly load: () => number;
  /** An order that nothing answers. */
  readonly tell: (order: Order) => void;
  readonly order: (order: Order & { readonly id: number }, listener: Listener) => void;
  /** Its listener hears nothing more. */
  readonly forget: (id: number) => void;
  /** What is under way is lost. */
  readonly end: () => void;
}
export interface LinkSettings {
  readonly threads: Threads;
  readonly clock: Clock;
  readonly reopened: (plugin: number) => void;
  /** Once, before the listeners hear of it. */
  readonly lost: (loss: Loss) => void;
}

export function openLink({ threads, clock, reopened, lost }: LinkSettings): Link {
  const { momentMs } = threads;
  const pulse = createPulseMemory();
  const vigil = createVigil({ elapsed: clock.elapsed, turn: threads.turn }, momentMs);
  const listeners = new Map<number, Listener>();
  let isStarted = false;
  let isReady = false;
  let isOver = false;
  let sent = 0;

  const lose = (loss: Loss): void => {
    if (isOver) return;
    stop();
    lost(loss);
    tellAll(loss);
  };
  const tellAll = (loss: Loss): void => {
    const left = [...listeners.values()];
    listeners.clear();
    for (const listener of left) listener.lost(loss);
  };
  const hear = (report: Report): void => {
    vigil.end();
    if (report.type === "ready") {
      isStarted = true;
      return;
    }
    isReady = true;
    if (report.type === "reopened") reopened(report.plugin);
    else if (report.type === "ask") listeners.get(report.id)?.asks?.(report);
    else {
      const listener = listeners.get(report.id);
      listeners.delete(report.id);
      listener?.ended(report);
    }
  };
  const ended = (why: string): void => {
    const { isInGuest, plugin } = readPulse(pulse);
    lose({ why, plugin: isInGuest ? plugin : undefined, isStuck: false });
  };
  const watch = createWatch({
    clock,
    pulse,
    isExpected: () => listeners.size > 0,
    isReady: () => isStarted,
    sent: () => sent,
    lost: (why, plugin) => lose({ why, plugin, isStuck: true }),
  });
  const stop = (): void => {
    isOver = true;
    watch.end();
    thread.terminate();
  };
  const tell = (order: Order): void => {
    if (isOver) return;
    sent++;
    thread.post(packOrder(order));
    vigil.begin();
  };

  // The thread is our own module, whatever its guests do: what it says needs no check.
  const thread = threads.start({
    hear: (report) => hear(unpackReport(report as Report | Packed)),
    ended,
  });
  thread.post({ type: "begin", pulse, momentMs } satisfies Order);
  return {
    isReady: () => isReady,
    load: () => listeners.size,
    tell,
    order: (order, listener) => {
      listeners.set(order.id, listener);
      tell(order);
      watch.begin();
    },
    forget: (id) => void listeners.delete(id),
    end: () => {
      stop();
      tellAll({ why: "The gateway needs it no more", plugin: undefined, isStuck: false });
    },
  };
}
