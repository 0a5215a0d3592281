/** One call that goes on here for another process. */
import { type Cancellation, type Clock, createCanceller, failure } from "../../core/index.ts";
import type { Address, Envelope } from "./envelope.ts";
import { type Letter, type Publish, createReceiver, createSender } from "./line.ts";
import { openBeat, openSilence } from "./pulse.ts";
import type { RoundMessage } from "./round.ts";
import { toLetter } from "./texts.ts";

export interface KeepingSettings {
  readonly clock: Clock;
  readonly publish: Publish;
  /** The way back, with the id that this process gave it. */
  readonly address: Address;
  /** Of what is asked. */
  readonly maxUnits: number;
  /** Takes the call up; ends with exactly one message that is no notification. */
  readonly go: (text: string, signal: Cancellation) => AsyncIterable<RoundMessage>;
  /** Nothing more is said or heard here. */
  readonly closed: () => void;
}
export interface Keeping {
  readonly receive: (envelope: Envelope) => void;
  /** Cancels the call. */
  readonly end: () => void;
}

const lost = failure("UPSTREAM_UNAVAILABLE", "A part of the call was lost between two instances");

const BEAT_MS = 250;
/** The other process tells twice as often and once more that it is there. */
const SILENCE_MS = 1_500;

export function openKeeping(settings: KeepingSettings): Keeping {
  const { clock, publish, address, maxUnits, go, closed } = settings;
  const canceller = createCanceller();
  const { send, beat } = createSender(publish, () => address);
  const accept = createReceiver(maxUnits);
  const silence = openSilence(clock, SILENCE_MS, end);
  const stopBeat = openBeat(clock, BEAT_MS, beat);
  let isGoing = false;
  let isClosed = false;

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    silence.close();
    stopBeat();
    closed();
  }

  function end(): void {
    canceller.abort();
    close();
  }

  function refuse(): void {
    const { kind, text } = toLetter(lost);
    void send(kind, text);
    end();
  }

  function read({ kind, text }: Letter): void {
    if (kind === "open") {
      void send("ready");
    } else if (kind === "go" && !isGoing) {
      isGoing = true;
      void tell(go(text, canceller.signal));
    } else if (kind !== "alive") {
      end();
    }
  }

  /** What the bus does not take ends the call: nobody would hear how it goes on. */
  async function tell(messages: AsyncIterable<RoundMessage>): Promise<void> {
    for await (const message of messages) {
      if (canceller.signal.aborted) break;
      const { kind, text } = toLetter(message);
      if (!(await send(kind, text))) break;
    }
    end();
  }

  return {
    receive: (envelope) => {
      const isOurs = envelope.run === address.run || envelope.kind === "open";
      if (envelope.from !== address.to || !isOurs) return;
      const received = accept(envelope);
      if (received === "repeated") return;
      silence.heard();
      if (received === "lost" || received === "too large") refuse();
      else if (received !== "part") read(received);
    },
    end,
  };
}
