/** What of a config is in force at a time: past its last day a role or rule is as if it were not there. */
import { type Config, type RoleConfig, endOfDay } from "../config/index.ts";
import type { Clock } from "../core/index.ts";
import type { CompiledRule, Rule } from "./rule.ts";

export interface HeldRole {
  readonly name: string;
  readonly allow: RoleConfig["allow"];
}
export interface Standing {
  /** By client. */
  readonly roles: ReadonlyMap<string, readonly HeldRole[]>;
  readonly rules: readonly Rule[];
  /** Known to those who ask for an explanation, and to nobody else. */
  readonly expired: readonly Rule[];
}

export function standingAt(config: Config, rules: readonly CompiledRule[], now: number): Standing {
  const roles = new Map(
    Object.entries(config.clients).map(([client, { roles: names }]) => [
      client,
      names.flatMap((name): HeldRole[] => {
        const role = config.roles[name];
        return role !== undefined && now < endOf(role) ? [{ name, allow: role.allow }] : [];
      }),
    ]),
  );
  const holds = (client: string, names: ReadonlySet<string>): boolean =>
    roles.get(client)?.some(({ name }) => names.has(name)) ?? false;
  const toCallers = ({ clients, roles: wanted }: CompiledRule): Rule["callers"] =>
    wanted === undefined
      ? clients
      : new Set([...(clients ?? roles.keys())].filter((client) => holds(client, wanted)));
  const all = rules.map((rule) => ({ ...rule, callers: toCallers(rule) }));
  return {
    roles,
    rules: all.filter(({ endsAt }) => now < endsAt),
    expired: all.filter(({ endsAt }) => now >= endsAt),
  };
}

/**
 * Gives what `make` makes of a time, made anew when one of the ends has come, or the clock went back
 * behind one.
 */
export function untilNextEnd<T>(
  ends: readonly number[],
  clock: Pick<Clock, "now">,
  make: (now: number) => T,
): () => T {
  const finite = [...new Set(ends)].filter(Number.isFinite).sort((a, b) => a - b);
  if (finite.length === 0) {
    const only = make(clock.now());
    return () => only;
  }
  let made: { readonly from: number; readonly to: number; readonly value: T } | undefined;
  const at = (now: number): T => {
    if (made === undefined || now < made.from || now >= made.to) {
      const from = finite.findLast((end) => end <= now) ?? -Infinity;
      const to = finite.find((end) => end > now) ?? Infinity;
      made = { from, to, value: make(now) };
    }
    return made.value;
  };
  at(clock.now());
  return () => at(clock.now());
}

/** Every time at which something ends. */
export function endsOf(config: Config, rules: readonly CompiledRule[]): readonly number[] {
  return [...Object.values(config.roles).map(endOf), ...rules.map(({ endsAt }) => endsAt)];
}

function endOf({ until }: RoleConfig): number {
  return until === undefined ? Infinity : endOfDay(until);
}
