/** The first words with a process: `server/discover`, else `initialize` on the same pipes. */
import { type Clock, type Failure, failure } from "../core/index.ts";
import {
  type Era,
  type ErrorMessage,
  type ResultMessage,
  latestLegacy,
  latestModern,
} from "../mcp/index.ts";
import type { Closing } from "./closing.ts";
import { eraOfAnswer, readInitialized } from "./facts.ts";
import { type ServerFacts, isFailure } from "./link.ts";
import type { McpProcess } from "./process.ts";
import { openWatch } from "./watch.ts";
import {
  type ClientInfo,
  toInitializeText,
  toModernCall,
  toNotificationText,
  toRequestText,
} from "./wire.ts";

const PROBE_MS = 5_000;
const HANDSHAKE_BYTES = 1_048_576;

export interface Handshaken {
  readonly era: Era;
  readonly revision: string;
  readonly facts: ServerFacts;
}

export interface HandshakeSettings {
  readonly clock: Clock;
  readonly clientInfo: ClientInfo;
  readonly nextId: () => number;
  /** How long a process may take to start. */
  readonly startMs: number;
}

/**
 * Silence or an error that is not modern means legacy (2026-07-28, stdio, backward compatibility).
 * `asLegacy` leaves the question out. A process that was only slow to start is asked again.
 */
export async function shakeHands(
  settings: HandshakeSettings,
  process: McpProcess,
  asLegacy: boolean,
  closing: Closing,
): Promise<Handshaken | Failure> {
  const first = asLegacy ? undefined : await discover(settings, process, closing);
  if (first !== undefined && first !== "legacy") return first;
  const initialized = await initialize(settings, process, closing);
  if (!isFailure(initialized) || process.isOver() || first === "legacy") return initialized;
  const second = await discover(settings, process, closing);
  return second === undefined || second === "legacy" ? initialized : second;
}

/** Undefined: the process said nothing in time. */
async function discover(
  settings: HandshakeSettings,
  process: McpProcess,
  closing: Closing,
): Promise<Handshaken | Failure | "legacy" | undefined> {
  const id = settings.nextId();
  const method = "server/discover";
  const bare = { params: undefined, progressToken: undefined, logLevel: undefined };
  const params = toModernCall(bare, settings.clientInfo);
  const text = toRequestText(id, method, params);
  const answer = await ask(settings, process, id, text, PROBE_MS, closing);
  if (answer === undefined) return undefined;
  if (isFailure(answer)) return process.isOver() ? answer : "legacy";
  const found = eraOfAnswer(answer);
  if (isFailure(found)) return found;
  if (found.era === "legacy") return "legacy";
  return { era: "modern", revision: latestModern, facts: found.facts };
}

async function initialize(
  settings: HandshakeSettings,
  process: McpProcess,
  closing: Closing,
): Promise<Handshaken | Failure> {
  const id = settings.nextId();
  const text = toInitializeText(id, latestLegacy, settings.clientInfo);
  const answer = await ask(settings, process, id, text, settings.startMs, closing);
  if (answer === undefined) {
    return failure("UPSTREAM_TIMEOUT", `"initialize" was not answered in ${settings.startMs} ms`);
  }
  if (isFailure(answer)) return answer;
  const initialized = readInitialized(answer);
  if (isFailure(initialized)) return initialized;
  await process.send(toNotificationText("notifications/initialized"));
  return { era: "legacy", ...initialized };
}

async function ask(
  { clock }: HandshakeSettings,
  process: McpProcess,
  id: number,
  text: string,
  ms: number,
  closing: Closing,
): Promise<ResultMessage | ErrorMessage | Failure | undefined> {
  const watch = openWatch(clock, { timeoutMs: ms, deadlineMs: ms }, closing);
  const call = {
    id,
    text,
    progressToken: undefined,
    maxBytes: HANDSHAKE_BYTES,
    cancellable: false,
  };
  try {
    for await (const message of process.exchange(call, watch.signal)) {
      if (message.kind !== "notification") return message;
    }
    return undefined;
  } finally {
    watch.close();
  }
}
