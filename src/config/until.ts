/** The last day of something: it counts to its end, in UTC. */

/** Milliseconds since the epoch; `NaN` for a day that the calendar does not have. */
export function endOfDay(day: string): number {
  const start = Date.parse(`${day}T00:00:00Z`);
  // V8 takes 2027-02-30 for the second of March.
  return new Date(start).toJSON()?.slice(0, 10) === day ? start + 86_400_000 : Number.NaN;
}
