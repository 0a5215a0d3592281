/** What has a last day. */
import { finding } from "../fault.ts";
import type { Finding, PathKey } from "../fault.ts";
import { endOfDay } from "../until.ts";

export function checkUntil(
  what: string,
  until: string | undefined,
  path: readonly PathKey[],
  now: number,
): readonly Finding[] {
  if (until === undefined) return [];
  const end = endOfDay(until);
  if (Number.isNaN(end)) {
    return [finding("error", [...path, "until"], "Must be a day that the calendar has")];
  }
  if (now < end) return [];
  return [finding("warning", [...path, "until"], `${what} expired after ${until}`)];
}
