/** The calls of one client that wait for an operator, as they are kept. */
import type { PendingApproval } from "../core/index.ts";
import { type Json, at, exactNumber, items, parseJson, stringOf } from "../mcp/index.ts";

export interface PendingEntry extends PendingApproval {
  /** Digest of who calls what with exactly which arguments, under which config. */
  readonly call: string;
  /** How long a yes is good for. */
  readonly expiresMs: number;
}

export function toPendingText(entries: readonly PendingEntry[]): string {
  return JSON.stringify({ entries });
}

/** Undefined where the text is no such list; one unreadable entry makes all of it so. */
export function parsePending(text: string): readonly PendingEntry[] | undefined {
  const parsed = parseJson(text);
  if (!parsed.ok) return undefined;
  const listed = at(parsed.json, "entries");
  if (listed?.node.type !== "array") return undefined;
  const entries = items(listed).map(parseEntry);
  const known = entries.filter((each) => each !== undefined);
  return known.length === entries.length ? known : undefined;
}

/** Without what only the gateway itself needs to know. */
export function toPublic(entry: PendingEntry): PendingApproval {
  const { call: _call, expiresMs: _expiresMs, ...shown } = entry;
  return shown;
}

const texts = ["id", "client", "upstream", "name", "args", "call"] as const;
const optional = ["subject", "more", "why", "by"] as const;
const numbers = ["at", "until", "expiresMs"] as const;

function parseEntry(json: Json): PendingEntry | undefined {
  const entry: { [name in string]?: string | number } = {};
  for (const key of texts) {
    const value = stringOf(at(json, key));
    if (value === undefined) return undefined;
    entry[key] = value;
  }
  for (const key of optional) {
    const value = stringOf(at(json, key));
    if (value !== undefined) entry[key] = value;
  }
  for (const key of numbers) {
    const value = exactNumber(at(json, key));
    if (value === undefined) return undefined;
    entry[key] = value;
  }
  const kind = oneOf(["tool", "resource", "prompt"], stringOf(at(json, "kind")));
  const state = oneOf(["waiting", "approved", "denied"], stringOf(at(json, "state")));
  if (kind === undefined || state === undefined) return undefined;
  const rules = items(at(json, "rules")).flatMap((rule) => stringOf(rule) ?? []);
  return { ...entry, kind, state, rules } as unknown as PendingEntry;
}

function oneOf<T extends string>(known: readonly T[], text: string | undefined): T | undefined {
  return known.find((each) => each === text);
}
