/** What carries the texts of all calls: sealed onto the bus, opened in the order they came in. */
import { type Bus, type Log, type Seals, StoreLost, hearInOrder } from "../../core/index.ts";
import { type Envelope, parseEnvelope, toText } from "./envelope.ts";
import type { Publish } from "./line.ts";

export interface Post {
  readonly publish: Publish;
  /** Settles when this process hears what is sent to it; false where it never will. */
  readonly isHearing: Promise<boolean>;
  readonly close: () => void;
}
export interface PostPorts {
  readonly bus: Bus;
  readonly log: Log;
  readonly seals: Seals;
}

/**
 * Everything is sealed: whoever can write on the bus can neither answer, end nor take up a call, and
 * whoever reads there reads nothing.
 */
export function openPost(
  { bus, log, seals }: PostPorts,
  instance: string,
  receive: (envelope: Envelope) => void,
): Post {
  const sealer = seals("relay");
  let isClosed = false;

  const failed = (message: string, error: unknown): void => {
    log.error(message, { cause: error instanceof Error ? error.message : String(error) });
  };

  async function open(text: string): Promise<void> {
    const plain = await sealer.open(text);
    const envelope = plain === undefined ? undefined : parseEnvelope(plain);
    if (envelope?.to === instance && !isClosed) receive(envelope);
  }

  const hear = hearInOrder(open, (error) =>
    failed("Cannot read what another instance sent", error),
  );
  const subscribed = bus.subscribe(toChannel(instance), hear);
  return {
    publish: async (envelope) => {
      try {
        await bus.publish(toChannel(envelope.to), await sealer.seal(toText(envelope)));
        return true;
      } catch (error) {
        if (!(error instanceof StoreLost)) failed("Cannot write to another instance", error);
        return false;
      }
    },
    isHearing: subscribed.then(
      () => true,
      (error: unknown) => {
        failed("Cannot hear other instances", error);
        return false;
      },
    ),
    close: () => {
      isClosed = true;
      subscribed.then(
        (end) => end(),
        () => undefined,
      );
    },
  };
}

function toChannel(instance: string): string {
  return `instance:${instance}`;
}
