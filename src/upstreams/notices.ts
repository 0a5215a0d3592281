/** Log lines about what an upstream does wrong, so seldom that it cannot fill a disk with them. */
import type { Clock, Log, LogFields } from "../core/index.ts";

const PAUSE_MS = 60_000;
const MAX_KINDS = 1_000;

/** Logs `message` unless it was logged under the same `key` within the last minute. */
export type Notice = (message: string, fields?: LogFields, key?: string) => void;

export function createNotice(upstream: string, clock: Clock, log: Log): Notice {
  const told = new Map<string, number>();
  return (message, fields = {}, key = message) => {
    const now = clock.elapsed();
    const last = told.get(key);
    if (last !== undefined && now - last < PAUSE_MS) return;
    if (told.size >= MAX_KINDS) told.clear();
    told.set(key, now);
    log.warn(message, { upstream, ...fields });
  };
}
