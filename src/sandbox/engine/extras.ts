/** Reads what a guest says beside its verdict: its log, and what it asks of the host. */
import type { GuestLog, HostCallName } from "../face.ts";
import { guestCaps } from "./guest/bootstrap.ts";

export interface Ask {
  readonly id: string;
  readonly name: HostCallName;
  /** JSON of an array. */
  readonly args: string;
}
export interface Extras {
  readonly logs: readonly GuestLog[];
  readonly asked: readonly Ask[];
}

const names: readonly string[] = ["kv.get", "kv.set", "kv.incr", "kv.delete", "fetch"];
const levels: readonly string[] = ["debug", "info", "warn", "error"];

/** What is not of its shape is left out. */
export function parseExtras(text: string): Extras {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    // A guest that spoilt its own notes has none.
    return { logs: [], asked: [] };
  }
  const { logs, asked } = (said ?? {}) as { readonly logs?: unknown; readonly asked?: unknown };
  return {
    logs: toList(logs, guestCaps.logs).flatMap(toLog),
    asked: toList(asked, guestCaps.hostCalls).flatMap(toAsk),
  };
}

function toList(given: unknown, most: number): readonly unknown[] {
  return Array.isArray(given) ? given.slice(0, most) : [];
}

function toLog(given: unknown): readonly GuestLog[] {
  const { level, text } = (given ?? {}) as { readonly level?: unknown; readonly text?: unknown };
  if (typeof level !== "string" || !levels.includes(level) || typeof text !== "string") return [];
  return [{ level: level as GuestLog["level"], text: text.slice(0, guestCaps.logCharacters) }];
}

function toAsk(given: unknown): readonly Ask[] {
  if (!Array.isArray(given)) return [];
  const [id, name, args] = given as readonly unknown[];
  if (typeof id !== "string" || typeof name !== "string" || typeof args !== "string") return [];
  if (args.length > guestCaps.askCharacters || !names.includes(name)) return [];
  return [{ id, name: name as HostCallName, args }];
}
