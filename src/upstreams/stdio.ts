/** Upstreams that are processes: one for each client, started when needed and ended when idle. */
import { type Cancellation, type ClientIdentity, type Failure, failure } from "../core/index.ts";
import { createClosing } from "./closing.ts";
import { createEraMemory } from "./era.ts";
import { type ChildSettings, type OpenedChild, endChild, openChild } from "./stdio-child.ts";
import { type HandshakeSettings, type Handshaken, shakeHands } from "./stdio-handshake.ts";
import {
  type Link,
  type LinkCall,
  type LinkMessage,
  type Transport,
  type UpstreamCaller,
  isFailure,
  ownName,
  toCallerKey,
} from "./link.ts";
import { orAborted } from "./watch.ts";
import { toLegacyCall, toModernCall, toRequestText } from "./wire.ts";

const MAX_PROCESSES = 16;
const IDLE_MS = 600_000;
/** What the gateway started for itself, to see what is there, is nobody's: it goes soon. */
const OWN_IDLE_MS = 2_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A process that lived this long did not fail at its start. */
const HEALTHY_MS = 60_000;

export interface StdioSettings extends ChildSettings, HandshakeSettings {}

/** A process and what its handshake found out. */
export interface Running extends OpenedChild, Handshaken {}

/** The place of one client and subject: its process, or the pause after one that failed. */
interface Slot {
  readonly key: string;
  readonly idleMs: number;
  running: Promise<Running | Failure> | undefined;
  /** Calls that hold the process, also while it starts. */
  users: number;
  idleSince: number;
  idleTimer: { readonly cancel: () => void } | undefined;
  pauseMs: number;
  pausedUntil: number;
}

export function openStdioTransport(settings: StdioSettings): Transport {
  const { clock } = settings;
  const slots = new Map<string, Slot>();
  const memory = createEraMemory(clock);
  const ending = new Set<Promise<void>>();
  const closing = createClosing();

  function slotOf(client: ClientIdentity): Slot {
    const key = toCallerKey(client);
    const known = slots.get(key);
    if (known !== undefined) return known;
    const slot: Slot = {
      key,
      idleMs: client.name === ownName ? OWN_IDLE_MS : IDLE_MS,
      running: undefined,
      users: 0,
      idleSince: 0,
      idleTimer: undefined,
      pauseMs: FIRST_PAUSE_MS,
      pausedUntil: 0,
    };
    slots.set(key, slot);
    return slot;
  }

  function start(slot: Slot): Promise<Running | Failure> {
    const began = clock.elapsed();
    const ended = () => {
      // Otherwise it was ended on purpose, and the slot is another's by now.
      if (slot.running === started) fail(slot, began);
    };
    const started = open(slot.key).then((running) => {
      if (isFailure(running)) {
        ended();
      } else {
        void running.process.over.then(() => {
          ended();
          end(running);
        });
      }
      return running;
    });
    slot.running = started;
    return started;
  }

  /** Opens and shakes hands; a process that dies of the first question is asked as legacy. */
  async function open(key: string): Promise<Running | Failure> {
    for (let asLegacy = memory.known()?.era === "legacy"; ; asLegacy = true) {
      const opened = await openChild(settings, key);
      if (isFailure(opened)) return opened;
      const shaken = await shakeHands(settings, opened.process, asLegacy, closing);
      if (!isFailure(shaken)) {
        opened.settle(shaken.era);
        memory.learn(shaken.era === "modern" ? { ...shaken, era: "modern" } : { era: "legacy" });
        return { ...opened, ...shaken };
      }
      memory.forget();
      const died = opened.process.isOver();
      if (closing.isClosed()) opened.expectEnd();
      end(opened);
      if (asLegacy || !died || closing.isClosed()) {
        return shaken;
      }
    }
  }

  function fail(slot: Slot, began: number): void {
    const lived = clock.elapsed() - began;
    if (lived >= HEALTHY_MS) slot.pauseMs = FIRST_PAUSE_MS;
    slot.running = undefined;
    slot.pausedUntil = clock.elapsed() + slot.pauseMs;
    slot.pauseMs = Math.min(slot.pauseMs * 2, LONGEST_PAUSE_MS);
  }

  function end({ child }: OpenedChild): void {
    const ended = endChild(child, clock).finally(() => ending.delete(ended));
    ending.add(ended);
  }

  async function stop(slot: Slot): Promise<void> {
    const { running } = slot;
    slot.running = undefined;
    slot.idleTimer?.cancel();
    const opened = await running;
    if (opened === undefined || isFailure(opened)) return;
    opened.expectEnd();
    end(opened);
  }

  /** Nobody has used it for long: its pause, if there was one, is over too. */
  function leave(slot: Slot): void {
    slots.delete(slot.key);
    void stop(slot);
  }

  /** Makes room for one more process by ending the one that was idle for longest. */
  function makeRoom(): Failure | undefined {
    const used = [...slots.values()].filter((slot) => slot.running !== undefined);
    if (used.length < MAX_PROCESSES) return undefined;
    const [idlest] = used
      .filter((slot) => slot.users === 0)
      .sort((a, b) => a.idleSince - b.idleSince);
    if (idlest === undefined) {
      return failure("UPSTREAM_UNAVAILABLE", `All ${MAX_PROCESSES} processes are busy`);
    }
    void stop(idlest);
    return undefined;
  }

  function runningOf(slot: Slot): Promise<Running | Failure> | Failure {
    if (closing.isClosed()) return failure("UPSTREAM_UNAVAILABLE", "The gateway is closing");
    if (slot.running !== undefined) return slot.running;
    const waitMs = slot.pausedUntil - clock.elapsed();
    if (waitMs > 0) {
      return failure("UPSTREAM_UNAVAILABLE", `The process ended; it is restarted in ${waitMs} ms`);
    }
    const full = makeRoom();
    if (full !== undefined) return full;
    return start(slot);
  }

  function hold(slot: Slot): () => void {
    slot.users++;
    slot.idleTimer?.cancel();
    return () => {
      slot.users--;
      slot.idleSince = clock.elapsed();
      if (slot.users === 0) slot.idleTimer = clock.after(slot.idleMs, () => leave(slot));
    };
  }

  function toLink(slot: Slot, running: Running): Link {
    const { era, revision, facts } = running;
    async function* exchange(call: LinkCall, signal: Cancellation): AsyncGenerator<LinkMessage> {
      const release = hold(slot);
      try {
        const { id, method, progressToken, maxBytes } = call;
        const params =
          era === "modern" ? toModernCall(call, settings.clientInfo) : toLegacyCall(call);
        const text = toRequestText(id, method, params);
        const sent = { id, text, progressToken, maxBytes, cancellable: true };
        yield* running.process.exchange(sent, signal);
      } finally {
        release();
      }
    }
    return { era, revision, facts, exchange: async (call, signal) => exchange(call, signal) };
  }

  return {
    kind: "stdio",
    era: memory.last,
    connect: async ({ client }: UpstreamCaller, signal) => {
      const slot = slotOf(client);
      const release = hold(slot);
      try {
        const running = await orAborted(Promise.resolve(runningOf(slot)), signal);
        return isFailure(running) ? running : toLink(slot, running);
      } finally {
        release();
      }
    },
    scope: toCallerKey,
    // A process settles its era with its first words; one that no longer keeps it is out of order.
    recheckEra: async () => memory.last(),
    close: async () => {
      closing.close();
      await Promise.all([...slots.values()].map(stop));
      await Promise.all(ending);
    },
  };
}
