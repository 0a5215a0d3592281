/** Upstreams that are processes: started when needed, shared as the config says, ended when idle. */
import type { StdioUpstreamConfig } from "../../config/index.ts";
import { type Cancellation, type Clock, type Failure, failure } from "../../core/index.ts";
import { type ToLink, createChannelLinks } from "../channel/link.ts";
import { NOTHING } from "../channel/questions.ts";
import { createClosing } from "../closing.ts";
import { createEraMemory } from "../era.ts";
import type { HandshakeSettings, Handshaken } from "../channel/handshake.ts";
import {
  type Link,
  type LinkCaller,
  type ListChange,
  type Transport,
  isFailure,
  ownName,
  toPrincipal,
} from "../link.ts";
import { type Kept, createSlots } from "../slots.ts";
import { type ChildSettings, openChild } from "./child.ts";
import { shakeHands } from "./handshake.ts";
import { type Owner, toOwner } from "./owner.ts";

const MAX_PROCESSES = 16;
/** Of one client and subject, who has a process for each thing it says of itself. */
const MAX_OWN_PROCESSES = 4;
const IDLE_MS = 600_000;
/** What the gateway started for itself, to see what is there, is nobody's: it goes soon. */
const OWN_IDLE_MS = 2_000;
/** Scopes that are told of a process's changes; more say the same with other capabilities. */
const MAX_SCOPES = 64;

export interface StdioSettings extends ChildSettings, HandshakeSettings {
  readonly kind: "stdio" | "package";
  readonly isolate: StdioUpstreamConfig["isolate"];
  readonly clock: Clock;
  /** How long a process may take to start. */
  readonly startMs: number;
  readonly onListChange: (list: ListChange, scope: string) => void;
}

/** A process that answers. */
interface Running extends Kept, Handshaken {
  readonly owner: Owner;
  readonly toLink: ToLink;
  /** Those for whom its lists may be kept. */
  readonly scopes: Set<string>;
}

export function openStdioTransport(settings: StdioSettings): Transport {
  const { clock, isolate, onListChange } = settings;
  const closing = createClosing();
  const memory = createEraMemory(clock);
  const slots = createSlots<Running>({
    clock,
    closing,
    max: MAX_PROCESSES,
    maxPerOwner: MAX_OWN_PROCESSES,
    one: "process",
    many: "processes",
  });
  /** Processes that never answered, while they end. */
  const ending = new Set<Promise<void>>();
  const ownerOf = (caller: LinkCaller): Owner => toOwner(isolate, caller);

  /** Opens and shakes hands; a process that dies of the first question is asked as legacy. */
  async function open(owner: Owner): Promise<Running | Failure> {
    for (let asLegacy = memory.known()?.era === "legacy"; ; asLegacy = true) {
      const opened = await openOnce(owner, asLegacy);
      if (!isFailure(opened)) return opened;
      if (asLegacy || !opened.hasDied || closing.isClosed()) return opened;
    }
  }

  async function openOnce(
    owner: Owner,
    asLegacy: boolean,
  ): Promise<Running | (Failure & { readonly hasDied: boolean })> {
    const { capabilities, isShared } = owner;
    const scopes = new Set<string>();
    let onRequest: "ask" | "refuse" | "end-call" = "refuse";
    const opened = await openChild(settings, {
      isShared,
      onRequest: () => onRequest,
      onListChange: (list) => {
        for (const scope of scopes) onListChange(list, scope);
      },
    });
    if (isFailure(opened)) return { ...opened, hasDied: false };
    const { channel, end } = opened;
    const words = { ...settings, closing, capabilities, asLegacy };
    const shaken = await shakeHands(words, channel);
    if (isFailure(shaken)) {
      memory.forget();
      const hasDied = channel.isOver();
      const ended = end().finally(() => ending.delete(ended));
      ending.add(ended);
      return { ...shaken, hasDied };
    }
    const isModern = shaken.era === "modern";
    onRequest = isModern ? "end-call" : capabilities === NOTHING ? "refuse" : "ask";
    memory.learn(isModern ? { ...shaken, era: "modern" } : { era: "legacy" });
    const linkSettings = { ...settings, closing, askMs: settings.startMs };
    const toLink = createChannelLinks(linkSettings, channel, shaken);
    return { ...shaken, owner, toLink, scopes, over: channel.over, end };
  }

  /** Undefined where what was opened meanwhile turns out to be another caller's. */
  async function find(
    caller: LinkCaller,
    owner: Owner,
    signal: Cancellation,
  ): Promise<Link | Failure | undefined> {
    const key = memory.last() === "modern" ? owner.modern : owner.legacy;
    const idleMs = caller.client.name === ownName ? OWN_IDLE_MS : IDLE_MS;
    const place = await slots.take(key, idleMs, () => open(owner), signal, toPrincipal(caller));
    if (isFailure(place)) return place;
    const { kept, hold, moveTo } = place;
    moveTo(kept.era === "modern" ? kept.owner.modern : kept.owner.legacy);
    if (kept.era === "legacy" && kept.owner.legacy !== owner.legacy) return undefined;
    if (kept.scopes.size < MAX_SCOPES) kept.scopes.add(owner.scope);
    return kept.toLink(caller.capabilities, hold);
  }

  return {
    kind: settings.kind,
    era: memory.last,
    connect: async (caller, signal) => {
      const owner = ownerOf(caller);
      // The era that the key was made for may have been out of date, and is known now.
      const found = (await find(caller, owner, signal)) ?? (await find(caller, owner, signal));
      return found ?? failure("UPSTREAM_UNAVAILABLE", "The upstream's era keeps changing");
    },
    scope: (caller) => ownerOf(caller).scope,
    // A process settles its era with its first words; one that no longer keeps it is out of order.
    recheckEra: async () => memory.last(),
    close: async () => {
      closing.close();
      await slots.close();
      await Promise.all(ending);
    },
  };
}
