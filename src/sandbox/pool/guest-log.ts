/** What plugins write, on its way to the operator's log. */
import type { Clock, Log } from "../../core/index.ts";
import type { GuestLog } from "../face.ts";

/** Controls, invisible and direction-changing characters, and halves of characters. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** On one line, cut to `max` characters. */
export function toSafeLine(text: string, max: number): string {
  const start = text.length <= max ? text : `${text.slice(0, max - 1)}…`;
  return start.replaceAll(unsafe, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return `<U+${hex}>`;
  });
}

const maxText = 4096;
const maxPerCall = 32;
/** More in one window is counted and not written: a plugin must not bury what others say. */
const maxPerWindow = 500;
const windowMs = 10_000;

export type WriteGuestLogs = (id: string, logs: readonly GuestLog[]) => void;

export function createGuestLog(
  plugin: string,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): WriteGuestLogs {
  let since = clock.elapsed();
  let count = 0;

  return (id, logs) => {
    if (logs.length === 0) return;
    if (clock.elapsed() - since >= windowMs) {
      const left = count - maxPerWindow;
      if (left > 0) log.warn(`Plugin "${plugin}" wrote ${left} lines too many`, { plugin });
      since = clock.elapsed();
      count = 0;
    }
    for (const { level, text } of logs.slice(0, maxPerCall)) {
      count++;
      if (count > maxPerWindow) continue;
      log[level](`Plugin "${plugin}" says: ${toSafeLine(text, maxText)}`, { plugin, request: id });
    }
  };
}
