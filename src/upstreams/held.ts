/** Calls of legacy upstreams that wait for input from their client. */
import type { ClientIdentity, Clock, Timer } from "../core/index.ts";
import type { CallMessages } from "./call-messages.ts";
import type { Link, LinkQuestion } from "./link.ts";
import type { Tokens } from "./relay.ts";
import type { Watch } from "./watch.ts";

/** A call under way. */
export interface OpenCall {
  readonly link: Link;
  readonly messages: CallMessages;
  /** Ours at the upstream; the caller's changes with each round. */
  readonly tokens: Tokens | undefined;
  readonly watch: Watch;
}
export interface HeldCall extends OpenCall {
  /** What it waits for, by the key that the client knows it under. */
  readonly questions: ReadonlyMap<string, LinkQuestion>;
  /** A legacy client is there and waits for its call; a modern one may never come back. */
  readonly isAttended: boolean;
}

export interface Held {
  /**
   * The name under which it is found again. Over the bound the one that nobody attends to for
   * longest makes room: the caller's own first, else one of whoever holds most, so that nobody locks
   * others out, or himself. Undefined where somebody attends to all of them.
   */
  readonly hold: (client: ClientIdentity, call: HeldCall) => string | undefined;
  /** Once; undefined for what is not held, or held for somebody else. */
  readonly take: (client: ClientIdentity, name: string) => HeldCall | undefined;
  readonly close: () => void;
}

/** Of one upstream; each holds an open stream there. */
const MAX_HELD = 256;
const MAX_HELD_PER_CLIENT = 32;

interface Place {
  readonly owner: string;
  readonly call: HeldCall;
  readonly expiry: Timer;
}

/**
 * A call that nobody comes back for within `holdMs` is cancelled at the upstream. `toName` names it as
 * no other call is named, in whichever process: a state must not find another call than its own.
 */
export function createHeld(clock: Clock, holdMs: number, toName: () => string): Held {
  const places = new Map<string, Place>();

  function drop(name: string): Place | undefined {
    const place = places.get(name);
    places.delete(name);
    place?.expiry.cancel();
    return place;
  }

  function end(name: string): void {
    const call = drop(name)?.call;
    if (call === undefined) return;
    call.watch.end();
    void call.messages.leave();
  }

  /** Ends the oldest that nobody attends to; false where there is none. */
  function makeRoom(owner: string): boolean {
    const oldest = [...places].find(([, place]) => place.owner === owner && !place.call.isAttended);
    if (oldest !== undefined) end(oldest[0]);
    return oldest !== undefined;
  }

  function countOf(owner: string): number {
    return [...places.values()].filter((place) => place.owner === owner).length;
  }

  function heaviest(): string {
    const owners = new Set([...places.values()].map(({ owner }) => owner));
    return [...owners].reduce((most, each) => (countOf(each) > countOf(most) ? each : most));
  }

  return {
    hold: (client, call) => {
      const owner = ownerOf(client);
      const isFull = countOf(owner) >= MAX_HELD_PER_CLIENT;
      if (isFull && !makeRoom(owner)) return undefined;
      if (places.size >= MAX_HELD && !makeRoom(heaviest())) return undefined;
      const name = toName();
      places.set(name, { owner, call, expiry: clock.after(holdMs, () => end(name)) });
      // The upstream gave it up, or its deadline has passed: nobody can answer it any more.
      call.watch.signal.addEventListener("abort", () => end(name), { once: true });
      return name;
    },
    take: (client, name) =>
      places.get(name)?.owner === ownerOf(client) ? drop(name)?.call : undefined,
    close: () => {
      for (const name of places.keys()) end(name);
    },
  };
}

function ownerOf({ name, subject }: ClientIdentity): string {
  return JSON.stringify([name, subject ?? null]);
}
