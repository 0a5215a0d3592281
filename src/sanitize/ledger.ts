/** Counts what was found, and where, for the audit record. */
import type { Redaction } from "../core/index.ts";
import { type Budget, costs } from "./budget.ts";
import type { TextFinding } from "./finding.ts";
import { findHidden } from "./hidden.ts";
import { type Sought, findSecrets } from "./scan.ts";
import type { SanitizeSettings } from "./settings.ts";

export type PathPart = string | number;

export interface Ledger {
  /** Once for each path: what was found there. */
  readonly note: (findings: readonly TextFinding[], path: readonly PathPart[]) => void;
  readonly close: () => {
    readonly redactions: readonly Redaction[];
    readonly denied: string | undefined;
  };
}

/** A record names this many places; what is found beyond them is counted at the root. */
const MAX_PLACES = 64;
const MAX_PART = 64;
/** A longer key is not searched for what may be shown of it. */
const MAX_KEY = 1_024;
const MAX_POINTER = 512;

/** What stands in the place of a ledger that was never closed. */
export const tooCostly = {
  redactions: [{ kind: "too-costly", where: "", count: 1 }],
  denied: "Found too-costly content, which takes more work to search than a message may",
} as const;

export function openLedger(settings: SanitizeSettings, budget: Budget): Ledger {
  const places = new Map<string, { kind: string; where: string; count: number }>();
  // What a path names is told in every mode, so that it is cleaned in every mode.
  const sought: Sought = { ...settings, secrets: "redact" };
  // A part is asked for again by everything below it.
  const parts = new Map<string, string>();
  let denied: string | undefined;
  const add = (kind: string, where: string, count: number) => {
    const id = `${kind} ${where}`;
    const known = places.get(id);
    if (known) known.count += count;
    else if (places.size < MAX_PLACES || where === "") places.set(id, { kind, where, count });
    else add(kind, "", count);
  };
  /** A JSON Pointer (RFC 6901) whose parts, which come from outside, carry neither secret nor control. */
  const toPointer = (path: readonly PathPart[]): string => {
    let pointer = "";
    for (const part of path) {
      let shown = parts.get(String(part));
      if (shown === undefined) parts.set(String(part), (shown = toPart(part, sought, budget)));
      pointer += `/${shown}`;
      if (pointer.length > MAX_POINTER) return `${pointer.slice(0, MAX_POINTER)}…`;
    }
    return pointer;
  };
  return {
    note: (findings, path) => {
      if (findings.length === 0) return;
      budget.spend(costs.place);
      const where = places.size < MAX_PLACES ? toPointer(path) : "";
      const counts = new Map<string, number>();
      for (const { kind, group, count = 1 } of findings) {
        counts.set(kind, (counts.get(kind) ?? 0) + count);
        if (settings[group === "hidden" ? group : "secrets"] === "deny")
          denied ??= `Found ${kind} at "${where}"`;
      }
      for (const [kind, count] of counts) add(kind, where, count);
    },
    close: () => ({ redactions: [...places.values()], denied }),
  };
}

function toPart(part: PathPart, sought: Sought, budget: Budget): string {
  if (typeof part === "number") return String(part);
  if (!/^[\w$.-]{1,7}$/.test(part)) {
    if (part.length > MAX_KEY) return "[long]";
    const hasFound =
      findSecrets(part, sought, budget).length > 0 || findHidden(part, budget).length > 0;
    if (hasFound) return "[redacted]";
  }
  const shown = part.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "");
  const cut = shown.length <= MAX_PART ? shown : `${shown.slice(0, MAX_PART)}…`;
  return cut.toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1");
}
