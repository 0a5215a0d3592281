/** The first words with a process: `server/discover`, else `initialize` on the same pipes. */
import type { Failure } from "../../core/index.ts";
import { latestModern } from "../../mcp/index.ts";
import type { Channel } from "../channel/channel.ts";
import type { Closing } from "../closing.ts";
import { eraOfAnswer } from "../facts.ts";
import { type HandshakeSettings, type Handshaken, ask, initialize } from "../channel/handshake.ts";
import { isFailure } from "../link.ts";
import { toModernCall, toRequestText } from "../wire.ts";

const PROBE_MS = 5_000;

export interface FirstWords extends HandshakeSettings {
  readonly closing: Closing;
  /** How long a process may take to start. */
  readonly startMs: number;
  /** What a legacy server is told of its client, as JSON text. */
  readonly capabilities: string;
  /** Leaves the question for the era out. */
  readonly asLegacy: boolean;
}

/**
 * Silence or an error that is not modern means legacy (2026-07-28, stdio, backward compatibility).
 * A process that was only slow to start is asked again.
 */
export async function shakeHands(
  settings: FirstWords,
  channel: Channel,
): Promise<Handshaken | Failure> {
  const { capabilities, startMs: ms, closing, asLegacy } = settings;
  const first = asLegacy ? undefined : await discover(settings, channel);
  if (first !== undefined && first !== "legacy") return first;
  const initialized = await initialize(settings, channel, capabilities, { ms, closing });
  if (!isFailure(initialized) || channel.isOver() || first === "legacy") return initialized;
  const second = await discover(settings, channel);
  return second === undefined || second === "legacy" ? initialized : second;
}

/** Undefined: the process said nothing in time. */
async function discover(
  settings: FirstWords,
  channel: Channel,
): Promise<Handshaken | Failure | "legacy" | undefined> {
  const { clientInfo, nextId, closing } = settings;
  const bare = { params: undefined, progressToken: undefined, logLevel: undefined };
  // The question is put for everybody who comes, and says nothing of one of them.
  const params = toModernCall({ ...bare, capabilities: "{}" }, clientInfo);
  const id = nextId();
  const text = toRequestText(id, "server/discover", params);
  const patience = { ms: PROBE_MS, closing };
  const answer = await ask(settings, channel, { id, text, cancellable: false }, patience);
  if (answer === undefined) return undefined;
  if (isFailure(answer)) return channel.isOver() ? answer : "legacy";
  const found = eraOfAnswer(answer);
  if (isFailure(found)) return found;
  if (found.era === "legacy") return "legacy";
  return { era: "modern", revision: latestModern, facts: found.facts };
}
