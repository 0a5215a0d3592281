/** A warning that is logged once a minute, however often there is reason to. */
import type { Clock, Log, LogFields } from "./ports.ts";

export type Complaint = (fields: LogFields) => void;

const quietMs = 60_000;

/** `untold` counts what was kept back since the line before. */
export function createComplaint(
  message: string,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Complaint {
  let last: number | undefined;
  let untold = 0;
  return (fields) => {
    const now = clock.elapsed();
    if (last !== undefined && now - last < quietMs) {
      untold++;
      return;
    }
    log.warn(message, { ...fields, ...(untold > 0 && { untold }) });
    last = now;
    untold = 0;
  };
}
