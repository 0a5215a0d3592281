/** Which records a reader asks for. */
import { compileGlob } from "../core/index.ts";

/** All that are given must hold. A text may hold `*` for any run of characters. */
export interface AuditFilter {
  readonly id?: string | undefined;
  readonly kind?: string | undefined;
  readonly client?: string | undefined;
  /** Who stood behind the client, or the operator. */
  readonly subject?: string | undefined;
  readonly decision?: string | undefined;
  readonly code?: string | undefined;
  readonly method?: string | undefined;
  readonly upstream?: string | undefined;
  /** The target's own name, or `upstream/name`. */
  readonly target?: string | undefined;
  /** Milliseconds since the epoch, this moment included. */
  readonly since?: number | undefined;
  /** This moment excluded. */
  readonly until?: number | undefined;
}

/** A record as it is read for people; undefined where the line is none. */
export type AuditFields = Readonly<Record<string, unknown>>;

export function parseFields(line: string): AuditFields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isFields(value) && typeof value["seq"] === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isFields(value: unknown): value is AuditFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const namedFields = [
  "id",
  "kind",
  "client",
  "subject",
  "decision",
  "code",
  "method",
  "upstream",
] as const;

export function createFilter(filter: AuditFilter): (fields: AuditFields) => boolean {
  const { since = -Infinity, until = Infinity } = filter;
  const tests: ((fields: AuditFields) => boolean)[] = [];
  for (const name of namedFields) {
    const wanted = filter[name];
    if (wanted === undefined) continue;
    const matches = compileGlob(wanted);
    tests.push((fields) => matches(textField(fields, name) ?? ""));
  }
  if (filter.target !== undefined) {
    const matches = compileGlob(filter.target);
    tests.push((fields) => {
      const target = textField(fields, "target") ?? "";
      return matches(target) || matches(`${textField(fields, "upstream") ?? ""}/${target}`);
    });
  }
  if (filter.since !== undefined || filter.until !== undefined) {
    tests.push((fields) => {
      const time = Date.parse(textField(fields, "time") ?? "");
      return time >= since && time < until;
    });
  }
  return (fields) => tests.every((test) => test(fields));
}

/** A member that is a text. */
export function textField(fields: AuditFields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" ? value : undefined;
}

const units: ReadonlyMap<string, number> = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 604_800_000],
]);

/** A moment as people write it: `90s`, `15m`, `1h`, `7d`, `2w` ago, or an ISO date or time. */
export function parseMoment(text: string, now: number): number | undefined {
  const [, count, unit = ""] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  const ms = units.get(unit);
  if (count !== undefined && ms !== undefined) return now - Number(count) * ms;
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
