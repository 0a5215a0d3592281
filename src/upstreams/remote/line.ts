/** One way of one call over the bus: what goes out is numbered, what comes in must be in order. */
import { toParts } from "../../core/index.ts";
import type { Address, Envelope, Kind } from "./envelope.ts";

export interface Sender {
  /** One after the other; false where the bus did not take it. */
  readonly send: (kind: Kind, text?: string) => Promise<boolean>;
  /** Says that this process is there, unless something under way says so. */
  readonly beat: () => void;
}

/** Seals an envelope and publishes it; false where the bus is lost. */
export type Publish = (envelope: Envelope) => Promise<boolean>;

/** `addressOf` is asked for each text: the other side's half is not known at first. */
export function createSender(publish: Publish, addressOf: () => Address): Sender {
  let next = 0;
  let underWay = 0;
  let tail: Promise<boolean> = Promise.resolve(true);

  async function sendParts(kind: Kind, text: string): Promise<boolean> {
    const parts = toParts(text);
    for (const [index, part] of parts.entries()) {
      const more = index < parts.length - 1;
      const sent = await publish({ ...addressOf(), at: next++, kind, more, text: part });
      if (!sent) return false;
    }
    return true;
  }

  const send: Sender["send"] = (kind, text = "") => {
    underWay++;
    // What follows a text that was lost would be refused as out of order.
    tail = tail
      .then((isWhole) => isWhole && sendParts(kind, text))
      .finally(() => {
        underWay--;
      });
    return tail;
  };
  return {
    send,
    beat: () => {
      if (underWay === 0) void send("alive");
    },
  };
}

export interface Letter {
  readonly kind: Kind;
  readonly text: string;
}
/** What a text is: a whole letter, a part of one, one that came before, or the end of all order. */
export type Received = Letter | "part" | "repeated" | "lost" | "too large";

/** `maxUnits` is the room for one letter. */
export function createReceiver(maxUnits: number): (envelope: Envelope) => Received {
  let next = 0;
  let units = 0;
  let kind: Kind | undefined;
  let parts: string[] = [];
  return (envelope) => {
    if (envelope.at < next) return "repeated";
    const isOther = kind !== undefined && envelope.kind !== kind;
    if (envelope.at > next || isOther) return "lost";
    next++;
    units += envelope.text.length;
    if (units > maxUnits) return "too large";
    parts.push(envelope.text);
    kind = envelope.more ? envelope.kind : undefined;
    if (envelope.more) return "part";
    const letter = { kind: envelope.kind, text: parts.join("") };
    parts = [];
    units = 0;
    return letter;
  };
}
