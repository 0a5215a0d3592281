/** A span of time as an operator types it. */
const units = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Milliseconds of `30s`, `15m`, `2h` or `7d`; undefined for anything else, a bare number included. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ""] = /^([1-9]\d{0,6})([smhd])$/.exec(text) ?? [];
  const ms = units.get(unit);
  return count === undefined || ms === undefined ? undefined : Number(count) * ms;
}
