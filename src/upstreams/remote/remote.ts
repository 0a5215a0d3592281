/** Calls that wait for input in one process and are answered in another one, over the bus (law 8). */
import {
  type Bus,
  type Cancellation,
  type Clock,
  type Crypto,
  type Log,
  type Seals,
  toHex,
} from "../../core/index.ts";
import { createAsker } from "./asker.ts";
import { createKeeper } from "./keeper.ts";
import { holderOf, toHeldName } from "./name.ts";
import { openPost } from "./post.ts";
import { type RoundMessage, type TakeUp, over } from "./round.ts";
import type { Errand } from "./texts.ts";

export interface Remote {
  /** A name for a call that waits in this process; no other call has it. */
  readonly toName: () => string;
  /** Lets other processes go on with the calls of an upstream, until what is given back is called. */
  readonly serve: (upstream: string, takeUp: TakeUp) => () => void;
  /**
   * Goes on with a call that waits in another process: notifications, then the end or what is asked
   * next. `maxUnits` bounds what has come and is not taken, in characters. Ends within a second in
   * UPSTREAM_UNAVAILABLE where that process is gone; firing `signal`, or breaking the iteration off,
   * cancels the call there.
   */
  readonly reach: (
    errand: Errand,
    maxUnits: number,
    signal: Cancellation,
  ) => AsyncIterable<RoundMessage>;
  /** Behind the upstreams, which end their own calls. */
  readonly close: () => void;
}

export interface RemotePorts {
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly seals: Seals;
  /** Absent where this process is alone. */
  readonly bus?: Bus | undefined;
}

/**
 * Each text is sealed, and bound to its call, its way and its place, with a half of the call's name
 * from either side: one that was kept, delayed or turned round is good for nothing.
 */
export function createRemote(ports: RemotePorts, instance: string): Remote {
  const { bus, clock, crypto, log } = ports;
  let count = 0;
  const toName = (): string => toHeldName(instance, ++count);
  const nowhere = {
    toName,
    serve: () => () => undefined,
    reach: () => streamOf(over),
    close: () => undefined,
  };
  if (bus === undefined) return nowhere;

  const post = openPost({ ...ports, bus }, instance, (envelope) => {
    if (envelope.way === "up") keeper.receive(envelope);
    else asker.receive(envelope);
  });
  const newId = (): string => toHex(crypto.randomBytes(16));
  const asker = createAsker({ ...post, clock, instance, newId });
  const keeper = createKeeper({ ...post, clock, log, instance, newId });
  return {
    toName,
    serve: keeper.serve,
    reach: (errand, maxUnits, signal) => {
      const holder = holderOf(errand.waiting);
      if (holder === undefined || holder === instance) return nowhere.reach();
      return asker.ask(errand, holder, maxUnits, signal);
    },
    close: () => {
      keeper.close();
      post.close();
    },
  };
}

async function* streamOf(message: RoundMessage): AsyncGenerator<RoundMessage> {
  yield message;
}
