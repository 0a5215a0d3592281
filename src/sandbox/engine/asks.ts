/** What a guest has asked of the host, and the answers that have come. */
import type { HostAnswer, HostCall } from "../face.ts";
import type { Ask } from "./extras.ts";
import { guestCaps } from "./guest/bootstrap.ts";
import type { EnginePorts } from "./ports.ts";

export interface Answered {
  readonly id: string;
  readonly answer: HostAnswer;
}
export interface Asks {
  readonly start: (ask: Ask) => void;
  /** Whether an answer is still to come. */
  readonly isOpen: () => boolean;
  readonly count: () => number;
  /** What has been answered since the last time, at least one; none after `ms`. */
  readonly next: (ms: number, ports: Pick<EnginePorts, "after">) => Promise<readonly Answered[]>;
}

export function createAsks(host: HostCall): Asks {
  let count = 0;
  let open = 0;
  let answered: Answered[] = [];
  let wake = () => {};
  const take = () => {
    const taken = answered;
    answered = [];
    open -= taken.length;
    return taken;
  };
  const start = async ({ id, name, args }: Ask) => {
    let answer: HostAnswer;
    try {
      answer = await host(name, args);
    } catch {
      // It promises never to; the guest must not wait for ever if it does.
      answer = { fault: "The host failed" };
    }
    answered.push({ id, answer });
    wake();
  };
  return {
    count: () => count,
    isOpen: () => open > 0,
    start: (ask) => {
      // The guest keeps the same count and tells its author; this one holds if the guest is broken.
      if (count >= guestCaps.hostCalls || open >= guestCaps.pending) return;
      count++;
      open++;
      void start(ask);
    },
    next: async (ms, ports) => {
      if (answered.length > 0) return take();
      if (ms <= 0) return [];
      await new Promise<void>((resolve) => {
        const timer = ports.after(ms, resolve);
        wake = () => {
          timer.cancel();
          resolve();
        };
      });
      return take();
    },
  };
}
