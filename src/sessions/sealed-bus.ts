/** Texts of one channel between instances with the same keys, whatever stands between them. */
import {
  type Bus,
  type Crypto,
  type Log,
  type Sealer,
  hearInOrder,
  toHex,
  toParts,
} from "../core/index.ts";
import { type Assemble, createAssembly } from "./assembly.ts";

export interface SealedBusSettings {
  readonly bus: Bus;
  readonly sealer: Sealer;
  readonly crypto: Pick<Crypto, "randomBytes">;
  readonly log?: Log | undefined;
}

/** Settles when the bus has all of the text; rejects where it does not take it. */
export type Tell = (text: string) => Promise<void>;

const idBytes = 16;

/**
 * Attack: whoever can write on the bus answers a question in its client's name, or ends a session;
 * whoever reads there knows what people answer. So everything is sealed. What is kept and comes
 * again must be harmless: each text is of one session, one question or one request.
 */
export async function openSealedBus(
  { bus, sealer, crypto, log }: SealedBusSettings,
  channel: string,
  hear: (text: string) => void,
): Promise<Tell> {
  const assemble: Assemble = createAssembly();
  const open = async (sealed: string): Promise<void> => {
    const plain = await sealer.open(sealed);
    const text = plain === undefined ? undefined : assemble(plain);
    if (text !== undefined) hear(text);
  };
  const take = hearInOrder(open, (error) => {
    log?.error("Cannot read what another instance told", { error: String(error) });
  });

  await bus.subscribe(channel, take);
  return async (text) => {
    const id = toHex(crypto.randomBytes(idBytes));
    const parts = toParts(text);
    for (const [at, part] of parts.entries()) {
      const head = JSON.stringify([id, at, parts.length]);
      await bus.publish(channel, await sealer.seal(`${head}\n${part}`));
    }
  };
}
