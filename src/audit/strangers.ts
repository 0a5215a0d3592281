/**
 * Refusals before anybody is identified, summed per kind, address and code. The attack: a flood of
 * requests without a token fills the disk, or the queue that good calls need. The first of a pair
 * is written at once, the rest as one record each ten seconds.
 */
import type { Clock, Timer } from "../core/index.ts";
import type { AuditEntry, StrangerEntry } from "./entry.ts";

export interface Strangers {
  /** `write`, which never rejects, is for the first of a pair. */
  readonly refused: (
    entry: StrangerEntry,
    write: (entry: AuditEntry) => Promise<void>,
  ) => Promise<void>;
  /** Writes the sums that are owed; no timer is left behind. */
  readonly close: () => void;
}
export interface StrangerSettings {
  readonly clock: Clock;
  /** Writes a sum; never rejects. */
  readonly writeSum: (entry: AuditEntry, sum: { readonly count: number }) => Promise<void>;
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
  const { clock, writeSum, takes } = settings;
  const sums = new Map<string, Sum>();
  let timer: Timer | undefined;

  const refused: Strangers["refused"] = async (entry, write) => {
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
  };

  function tick(): void {
    timer = undefined;
    if (takes()) flush();
    if (sums.size > 0) timer = clock.after(sumMs, tick);
  }

  /** A pair that was quiet for one round is forgotten: its next refusal is a first one. */
  function flush(): void {
    for (const [key, sum] of sums) {
      if (sum.count === 0) sums.delete(key);
      else void writeSum(toSummed(sum.entry, clock.now()), { count: sum.count });
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

function toKey({ kind = "exchange", code, address = "" }: StrangerEntry): string {
  return `${kind} ${code} ${address}`;
}

/** What holds for all of them: the id, the method and the sizes were those of the first. */
function toSummed(entry: StrangerEntry, time: number): AuditEntry {
  const { kind, address, transport, stage, code, why, status } = entry;
  return { kind, time, address, transport, stage, code, why, status, decision: "denied" };
}
