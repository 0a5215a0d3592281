/** How exchanges end: each has one record, and what was held for it is given back. */
import type { AuditEntry, Reservation } from "./audit/index.ts";
import type { Clock, Understood } from "./core/index.ts";
import { type Facts, type Outcome, type Road, toEntry } from "./stages/index.ts";
import type { Upstreams } from "./upstreams/index.ts";

/** One exchange on its way to its end. */
export interface Ending {
  /** Writes the record; rejects where it cannot be written, and the answer must be withheld. */
  readonly record: (facts: Facts, outcome: Omit<Outcome, "ms">) => Promise<void>;
  /** Gives the concurrency slot back and forgets the exchange; safe to call twice. */
  readonly release: () => void;
}

export interface Endings {
  /** `from` is when the exchange began, in elapsed time; `forget` hears that it is over. */
  readonly open: (
    understood: Understood,
    reservation: Reservation | undefined,
    forget: () => void,
    from: number,
  ) => Ending;
  /** What is recorded, with the roles that the client holds. */
  readonly entryOf: (...told: Parameters<typeof toEntry>) => AuditEntry;
}

export interface EndingPorts {
  readonly road: Pick<Road, "tellPlugins">;
  readonly upstreams: Pick<Upstreams, "era">;
  readonly clock: Pick<Clock, "elapsed">;
  readonly rolesOf: (client: string) => readonly string[];
}

export function createEndings({ road, upstreams, clock, rolesOf }: EndingPorts): Endings {
  const entryOf: Endings["entryOf"] = (...told) => {
    const [{ client }] = told;
    const roles = client === undefined ? [] : rolesOf(client.name);
    return roles.length === 0 ? toEntry(...told) : { ...toEntry(...told), roles };
  };
  return {
    open: (understood, reservation, forget, from) => ({
      record: async (facts, outcome) => {
        const { target } = facts;
        const era = target?.kind === "one" ? upstreams.era(target.upstream) : undefined;
        const ms = clock.elapsed() - from;
        await reservation?.write(entryOf(facts, { ...outcome, ms }, era));
        road.tellPlugins(facts, { ...outcome, ms });
      },
      release: () => {
        forget();
        understood.quota.release();
        reservation?.release();
      },
    }),
    entryOf,
  };
}
