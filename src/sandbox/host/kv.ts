/** What plugins keep from call to call: small values that end. */
import { StoreLost, createTurns, utf8Length } from "../../core/index.ts";
import type { HostAnswer, HostCallName } from "../face.ts";
import {
  type Act,
  type Fault,
  type HostPlugin,
  type HostPorts,
  isFault,
  isObject,
} from "./acts.ts";
import { createKvIndex } from "./kv-index.ts";
import { type KvPlace, type KvValue, createKvItems } from "./kv-items.ts";
import { readArgs } from "./read-args.ts";

export type Kv = Readonly<Record<Exclude<HostCallName, "fetch">, Act>>;

/** In UTF-16 units. */
const maxKeyLength = 256;
/** Of the value's JSON in UTF-8. */
const maxValueBytes = 64 * 1024;
/** The largest value with the longest key, escaped, and options. */
const maxArgsLength = maxValueBytes + 4 * 1024;
const maxTtlSeconds = 30 * 86_400;
const defaultTtlSeconds = 86_400;

const done: HostAnswer = { value: "null" };

/**
 * Keys are told apart by plugin and, unless they are shared, by client; none of these can be written
 * so that it reads as another, and nobody finds another's by guessing at a key.
 *
 * Every value ends: after `ttlSeconds`, by default 24 hours, at most 30 days. `set` begins that time
 * anew. `incr` begins it where there was no value and never again, so that it counts within a fixed
 * window; it loses no step, however many instances count, and refuses what is no safe integer. A store
 * that is lost is a fault, by which a plugin that does not mind it denies.
 */
export function createKv(ports: HostPorts, plugin: HostPlugin): Kv {
  const { clock, crypto, sharedNow } = ports;
  const sealer = ports.seals("plugin-kv");
  // Instances meet in the store; within one, a wait is cheaper than a race that is lost there.
  const turns = createTurns();
  const items = createKvItems(ports, sealer, createKvIndex(ports, turns));

  const toPlace = (client: string, key: string): KvPlace => {
    const space = plugin.grants.kv === "shared" ? [plugin.name] : [plugin.name, client];
    return {
      space: crypto.sha256(JSON.stringify(space)),
      key: crypto.sha256(JSON.stringify([space, key])),
    };
  };
  const at =
    (act: (place: KvPlace, args: readonly unknown[]) => Promise<HostAnswer>): Act =>
    async (client, text) => {
      const list = readArgs(text, maxArgsLength);
      if (isFault(list)) return list;
      const [key, ...args] = list;
      if (typeof key !== "string") return { fault: "A key of kv is a text" };
      if (key.length > maxKeyLength) {
        return { fault: `A key of kv has at most ${maxKeyLength} characters` };
      }
      try {
        return await act(toPlace(client, key), args);
      } catch (error) {
        if (error instanceof StoreLost) return { fault: "kv cannot be reached now" };
        throw error;
      }
    };
  /** Changes of one key wait for each other, but none for longer than its call may last. */
  const inTurn = (
    { key }: KvPlace,
    act: () => Promise<Fault | undefined>,
  ): Promise<Fault | undefined> => {
    const lateAt = clock.elapsed() + plugin.wallMs;
    return turns.take(`key ${key}`, async () =>
      clock.elapsed() < lateAt ? act() : { fault: "kv has too much to do" },
    );
  };
  return {
    "kv.get": at(async (place) => ({ value: (await items.get(place))?.json ?? "null" })),
    "kv.set": at(async (place, [value, options]) => {
      const json = toJson(value);
      if (typeof json !== "string") return json;
      const ttlMs = readTtlMs(options);
      if (typeof ttlMs !== "number") return ttlMs;
      const toNext = (): KvValue => ({ json, expiresAt: sharedNow() + ttlMs });
      return (await inTurn(place, () => items.change(place, toNext))) ?? done;
    }),
    "kv.incr": at(async (place, [by, options]) => {
      const step = by ?? 1;
      if (!isWhole(step)) return { fault: "kv.incr counts by a whole number" };
      const ttlMs = readTtlMs(options);
      if (typeof ttlMs !== "number") return ttlMs;
      let sum = 0;
      const toNext = (before: KvValue | undefined): KvValue | Fault => {
        const found: unknown = before === undefined ? 0 : JSON.parse(before.json);
        if (!isWhole(found)) return { fault: "kv.incr finds a value that is no whole number" };
        sum = found + step;
        if (!isWhole(sum)) return { fault: "kv.incr would come to more than a number can hold" };
        return { json: `${sum}`, expiresAt: before?.expiresAt ?? sharedNow() + ttlMs };
      };
      const fault = await inTurn(place, () => items.change(place, toNext));
      return fault ?? { value: `${sum}` };
    }),
    "kv.delete": at(async (place) => (await inTurn(place, () => items.remove(place))) ?? done),
  };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function toJson(value: unknown): string | Fault {
  const json = JSON.stringify(value ?? null);
  if (utf8Length(json) <= maxValueBytes) return json;
  return { fault: `A value of kv is at most ${maxValueBytes} bytes of JSON` };
}

function readTtlMs(options: unknown): number | Fault {
  const fault = { fault: `ttlSeconds is a number above 0, and at most ${maxTtlSeconds}` };
  if (options === undefined || options === null) return defaultTtlSeconds * 1_000;
  if (!isObject(options)) return { fault: "The options of kv are an object" };
  const seconds = options["ttlSeconds"] ?? defaultTtlSeconds;
  if (typeof seconds !== "number") return fault;
  return seconds > 0 && seconds <= maxTtlSeconds ? Math.ceil(seconds * 1_000) : fault;
}
