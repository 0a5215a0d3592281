/** A gateway that answers what a test says, and a clock that moves when a test says. */
import type { Hono } from "hono";
import type { Body, Arrival, Clock, Gateway, Log, Reply } from "../../src/core/index.ts";
import { createApp } from "../../src/http/index.ts";
import type { Connection, DoorRefusal } from "../../src/http/index.ts";

export function toReply(body: Reply["body"], status = 200): Reply {
  return { status, headers: {}, body };
}

export interface FakeDoor {
  readonly app: Hono;
  readonly arrivals: Arrival[];
  readonly refusals: DoorRefusal[];
  readonly logged: string[];
  readonly advance: (ms: number) => void;
  readonly timers: () => number;
}

export interface FakeDoorSettings {
  readonly handle?: (arrival: Arrival) => Promise<Reply> | Reply;
  readonly ready?: () => boolean;
  readonly origins?: readonly string[];
}

export function openFakeDoor(settings: FakeDoorSettings = {}): FakeDoor {
  const arrivals: Arrival[] = [];
  const refusals: DoorRefusal[] = [];
  const logged: string[] = [];
  const { clock, advance, timers } = createFakeClock();
  const gateway: Gateway = {
    handle: async (arrival) => {
      arrivals.push(arrival);
      return (settings.handle ?? (() => toReply("{}")))(arrival);
    },
    ready: settings.ready ?? (() => true),
    allOrigins: new Set(settings.origins),
  };
  const app = createApp(gateway, {
    peer: (context) => (context.env as { address?: string } | undefined)?.address,
    connection: (context) => {
      const { gone, body, headers } = (context.env ?? {}) as Partial<Connection>;
      return gone && body && headers && { gone, body, headers };
    },
    address: (peer, forwardedFor) => (forwardedFor === null ? peer : `${peer} for ${forwardedFor}`),
    ports: {
      clock,
      log: createFakeLog(logged),
      crypto: {
        sha256: () => "",
        hmacSha256: () => "",
        randomBytes: (count) => new Uint8Array(count).fill(0xab),
        equal: () => false,
      },
    },
    refused: (refusal) => refusals.push(refusal),
  });
  return { app, arrivals, refusals, logged, advance, timers };
}

export function createFakeLog(lines: string[]): Log {
  const say = (message: string, fields?: object) => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { debug: say, info: say, warn: say, error: say };
}

export function createFakeClock() {
  let now = 1_000;
  const pending = new Set<{ due: number; act: () => void }>();
  const clock: Clock = {
    now: () => now,
    elapsed: () => now,
    after: (ms, act) => {
      const timer = { due: now + ms, act };
      pending.add(timer);
      return { cancel: () => pending.delete(timer) };
    },
  };
  return {
    clock,
    timers: () => pending.size,
    advance: (ms: number) => {
      now += ms;
      for (const timer of [...pending].filter(({ due }) => due <= now)) {
        pending.delete(timer);
        timer.act();
      }
    },
  };
}

/** The whole of a small body as text. */
export async function textOf(body: Body | undefined): Promise<string> {
  return new TextDecoder().decode(await body?.read(1_000_000));
}
