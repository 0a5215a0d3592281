/** Goes on, for other processes, with the calls that this one holds. */
import { type Cancellation, type Log, failure } from "../../core/index.ts";
import type { Address, Envelope } from "./envelope.ts";
import { type Keeping, type KeepingSettings, openKeeping } from "./keeping.ts";
import { createSender } from "./line.ts";
import { type RoundMessage, type TakeUp, over } from "./round.ts";
import { parseErrand, toLetter } from "./texts.ts";

export interface Keeper {
  /** Returns what ends it. */
  readonly serve: (upstream: string, takeUp: TakeUp) => () => void;
  readonly receive: (envelope: Envelope) => void;
  /** Cancels all that goes on. */
  readonly close: () => void;
}
export interface KeeperSettings extends Pick<KeepingSettings, "clock" | "publish"> {
  readonly instance: string;
  readonly newId: () => string;
  readonly log: Log;
}

const MAX_CALLS = 256;
/** Of what is asked for, in all calls together. */
const MAX_UNITS = 64 * 1024 * 1024;

const tooMany = failure("UPSTREAM_UNAVAILABLE", "Too many calls go on for other instances");

export function createKeeper(settings: KeeperSettings): Keeper {
  const { publish, instance, newId, log } = settings;
  const keepings = new Map<string, Keeping>();
  /** After a reload there may be two upstreams of one name, each with calls of its own. */
  const served = new Map<string, Set<TakeUp>>();
  let units = 0;

  async function* go(text: string, signal: Cancellation): AsyncGenerator<RoundMessage> {
    try {
      yield* find(text, signal) ?? [over];
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      log.error("A call that goes on for another instance failed", { cause });
      yield failure("INTERNAL", "The instance that holds the call failed");
    }
  }

  function find(text: string, signal: Cancellation): AsyncIterable<RoundMessage> | undefined {
    const errand = parseErrand(text);
    if (errand === undefined) return undefined;
    const { upstream, waiting, round } = errand;
    for (const takeUp of served.get(upstream) ?? []) {
      const messages = takeUp(waiting, round, signal);
      if (messages !== undefined) return messages;
    }
    return undefined;
  }

  function start(envelope: Envelope): void {
    const { call, from, text } = envelope;
    const size = Number(text);
    const run = newId();
    const address: Address = { call, run, from: instance, to: from, way: "down" };
    if (keepings.size >= MAX_CALLS || !(size >= 0 && units + size <= MAX_UNITS)) {
      const { kind, text: why } = toLetter(tooMany);
      void createSender(publish, () => address).send(kind, why);
      return;
    }
    units += size;
    const keeping = openKeeping({
      ...settings,
      address,
      // The first letter says how long the second one is.
      maxUnits: Math.max(size, text.length),
      go,
      closed: () => {
        if (keepings.delete(call)) units -= size;
      },
    });
    keepings.set(call, keeping);
    keeping.receive(envelope);
  }

  return {
    serve: (upstream, takeUp) => {
      const all = served.get(upstream) ?? new Set();
      served.set(upstream, all.add(takeUp));
      return () => {
        all.delete(takeUp);
        if (all.size === 0 && served.get(upstream) === all) served.delete(upstream);
      };
    },
    receive: (envelope) => {
      const keeping = keepings.get(envelope.call);
      if (keeping !== undefined) keeping.receive(envelope);
      else if (envelope.kind === "open" && envelope.at === 0) start(envelope);
    },
    close: () => {
      for (const keeping of keepings.values()) keeping.end();
    },
  };
}
