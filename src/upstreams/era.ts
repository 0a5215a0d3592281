/** What was found out of an upstream's era, believed for a while and forgotten when it proves wrong. */
import type { Clock } from "../core/index.ts";
import type { Era } from "../mcp/index.ts";
import type { ServerFacts } from "./link.ts";

export const ERA_TTL_MS = 600_000;

export type KnownEra =
  | { readonly era: "modern"; readonly facts: ServerFacts }
  /** `way` is the old HTTP transport (2024-11-05, HTTP with SSE). */
  | { readonly era: "legacy"; readonly way?: "sse" };

export interface EraMemory {
  readonly known: () => KnownEra | undefined;
  readonly learn: (known: KnownEra) => void;
  readonly forget: () => void;
  /** The last one learnt, for a table that people read. */
  readonly last: () => Era | undefined;
}

export function createEraMemory(clock: Clock): EraMemory {
  let known: KnownEra | undefined;
  let until = 0;
  let last: Era | undefined;
  return {
    known: () => (clock.elapsed() < until ? known : undefined),
    learn: (found) => {
      known = found;
      last = found.era;
      until = clock.elapsed() + ERA_TTL_MS;
    },
    forget: () => {
      known = undefined;
      until = 0;
    },
    last: () => last,
  };
}

/** At most one `make` at a time; who comes meanwhile gets the same promise. */
export function singleFlight<T>(make: () => Promise<T>): () => Promise<T> {
  let flying: Promise<T> | undefined;
  return () => {
    flying ??= make().finally(() => {
      flying = undefined;
    });
    return flying;
  };
}
