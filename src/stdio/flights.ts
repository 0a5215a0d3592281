/** The requests that wait for their answers. */
import type { Clock } from "../core/index.ts";
import type { Era, IdText } from "../mcp/index.ts";

export interface Flight {
  readonly id: IdText;
  readonly era: Era;
  readonly signal: AbortSignal;
  /** Whoever cancelled hears no more of it. */
  readonly cancel: () => void;
}
export interface Flights {
  /** Undefined where as many as may be are under way. */
  readonly begin: (id: IdText, era: Era, isStanding: boolean) => Flight | undefined;
  readonly end: (flight: Flight) => void;
  readonly find: (id: IdText) => Flight | undefined;
  /** Ends them all. */
  readonly cancel: () => void;
  /** Ends what only listens, gives the others `graceMs`, and then ends them too. */
  readonly settle: (graceMs: number) => Promise<void>;
}

const maxFlights = 256;

export function createFlights(clock: Clock): Flights {
  const standing = new Set<Flight>();
  const under = new Set<Flight>();
  let settled: (() => void) | undefined;
  const cancel = (): void => {
    for (const flight of under) flight.cancel();
  };
  return {
    cancel,
    begin: (id, era, isStanding) => {
      if (under.size >= maxFlights) return undefined;
      const canceller = new AbortController();
      const flight = { id, era, signal: canceller.signal, cancel: () => canceller.abort() };
      under.add(flight);
      if (isStanding) standing.add(flight);
      return flight;
    },
    end: (flight) => {
      under.delete(flight);
      standing.delete(flight);
      if (under.size === 0) settled?.();
    },
    find: (id) => [...under].findLast((flight) => flight.id === id),
    settle: async (graceMs) => {
      for (const flight of standing) flight.cancel();
      if (under.size === 0) return;
      await new Promise<void>((resolve) => {
        const timer = clock.after(graceMs, () => {
          cancel();
          resolve();
        });
        settled = () => {
          timer.cancel();
          resolve();
        };
      });
    },
  };
}
