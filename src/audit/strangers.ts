/**
 * Refusals before anybody is identified, summed per address and code. The attack: a flood of
 * requests without a token fills the disk, or the queue that good calls need. The first of a pair
 * is written at once, the rest as one record each ten seconds.
 */
import type { Clock, Timer } from "../core/index.ts";
import type { AuditEntry, StrangerEntry } from "./entry.ts";

export interface Strangers {
  readonly refused: (entry: StrangerEntry) => Promise<void>;
  /** Writes the sums that are owed; no timer is left behind. */
  readonly close: () => void;
}
export interface StrangerSettings {
  readonly clock: Clock;
  /** Writes a record; never rejects. */
  readonly write: (entry: AuditEntry, notes?: { readonly count: number }) => Promise<void>;
  /** False while the file takes nothing: then the sums only grow. */
  readonly takes: () => boolean;
}

interface Sum {
  readonly entry: StrangerEntry;
  count: number;
}

const sumMs = 10_000;
const maxPairs = 1_000;

export function createStrangers(settings: StrangerSettings): Strangers {
  const { clock, write, takes } = settings;
  const sums = new Map<string, Sum>();
  let timer: Timer | undefined;

  async function refused(entry: StrangerEntry): Promise<void> {
    const own = toKey(entry);
    const isRoom = sums.size < maxPairs || sums.has(own);
    const counted = isRoom ? entry : { ...entry, address: "*" };
    const key = isRoom ? own : toKey(counted);
    const sum = sums.get(key);
    if (sum !== undefined) {
      sum.count++;
      return;
    }
    const isFirst = takes();
    sums.set(key, { entry: counted, count: isFirst ? 0 : 1 });
    timer ??= clock.after(sumMs, tick);
    if (isFirst) await write({ ...counted, decision: "denied" });
  }

  function tick(): void {
    timer = undefined;
    if (takes()) flush();
    if (sums.size > 0) timer = clock.after(sumMs, tick);
  }

  /** A pair that was quiet for one round is forgotten: its next refusal is a first one. */
  function flush(): void {
    for (const [key, sum] of sums) {
      if (sum.count === 0) sums.delete(key);
      else void write(toSummed(sum.entry, clock.now()), { count: sum.count });
      sum.count = 0;
    }
  }

  function close(): void {
    timer?.cancel();
    timer = undefined;
    flush();
    sums.clear();
  }

  return { refused, close };
}

function toKey({ code, address = "" }: StrangerEntry): string {
  return `${code} ${address}`;
}

/** What holds for all of them: the id, the method and the sizes were those of the first. */
function toSummed(entry: StrangerEntry, time: number): AuditEntry {
  const { address, transport, stage, code, why, status } = entry;
  return { time, address, transport, stage, code, why, status, decision: "denied" };
}
