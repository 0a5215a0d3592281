/** Our own requests on a channel, first of all `initialize`. */
import { type Cancellation, type Clock, type Failure, failure } from "../../core/index.ts";
import { type Era, type ErrorMessage, type ResultMessage, latestLegacy } from "../../mcp/index.ts";
import type { Channel, ChannelCall } from "./channel.ts";
import type { Closing } from "../closing.ts";
import { readInitialized } from "../facts.ts";
import { type ServerFacts, isFailure } from "../link.ts";
import { openWatch } from "../watch.ts";
import { type ClientInfo, toInitializeText, toNotificationText } from "../wire.ts";

const OWN_BYTES = 1_048_576;

export interface Handshaken {
  readonly era: Era;
  readonly revision: string;
  readonly facts: ServerFacts;
}

export interface HandshakeSettings {
  readonly clock: Clock;
  readonly clientInfo: ClientInfo;
  readonly nextId: () => number;
}

/** How long to wait, and what else ends the wait. */
export interface Patience {
  readonly ms: number;
  readonly closing: Closing;
  readonly signal?: Cancellation;
}

/** Opens a legacy server, which is told these capabilities (JSON text). */
export async function initialize(
  settings: HandshakeSettings,
  channel: Channel,
  capabilities: string,
  patience: Patience,
): Promise<Handshaken | Failure> {
  const { nextId, clientInfo } = settings;
  const id = nextId();
  const text = toInitializeText(id, latestLegacy, capabilities, clientInfo);
  const answer = await ask(settings, channel, { id, text, cancellable: false }, patience);
  if (answer === undefined) {
    return failure("UPSTREAM_TIMEOUT", `"initialize" was not answered in ${patience.ms} ms`);
  }
  if (isFailure(answer)) return answer;
  const initialized = readInitialized(answer);
  if (isFailure(initialized)) return initialized;
  await channel.send(toNotificationText("notifications/initialized"));
  return { era: "legacy", ...initialized };
}

/** Undefined: nothing came in time, or the wait was given up. */
export async function ask(
  { clock }: Pick<HandshakeSettings, "clock">,
  channel: Channel,
  asked: Pick<ChannelCall, "id" | "text" | "cancellable">,
  { ms, closing, signal }: Patience,
): Promise<ResultMessage | ErrorMessage | Failure | undefined> {
  const watch = openWatch(clock, { timeoutMs: ms, deadlineMs: ms }, closing, signal);
  const call = { ...asked, maxBytes: OWN_BYTES, role: "own", claims: () => false } as const;
  try {
    for await (const message of channel.exchange(call, watch.signal)) {
      if (message.kind !== "notification" && message.kind !== "question") return message;
    }
    return undefined;
  } finally {
    watch.close();
  }
}
