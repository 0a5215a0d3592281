/** One event stream: numbers its events, keeps the last of them, and reads them to who comes back. */
import type { Cancellation } from "../core/index.ts";
import { formatEvent } from "../mcp/index.ts";
import { formatEventId } from "./event-id.ts";
import { type Reader, createReader } from "./reader.ts";

export interface ReplaySettings {
  readonly maxEvents: number;
  /** UTF-16 units of the whole events. */
  readonly maxUnits: number;
}
export interface Replay {
  /** The whole event under the stream's next id; without one after `close`. */
  readonly append: (data: string, retryMs?: number) => string;
  /** What came after that event, and what still comes; undefined where that is not all kept. */
  readonly read: (after: number, signal: Cancellation) => AsyncIterable<string> | undefined;
  /** No more will come. */
  readonly close: () => void;
  readonly isClosed: () => boolean;
  /** Keeps nothing from now on and ends the reader; `append` goes on as before. */
  readonly letGo: () => void;
  /** What is kept, in UTF-16 units. */
  readonly units: () => number;
}

/**
 * A reader takes from what is kept, so that a slow one costs no memory of its own; one that is
 * overtaken by the bound ends, since nobody would notice the events that it left out.
 */
export function createReplay(stream: string, settings: ReplaySettings): Replay {
  let events: string[] = [];
  let units = 0;
  /** The number of the last event; the kept ones end with it and have no gap. */
  let last = 0;
  let isKept = true;
  let isClosed = false;
  let reader: Reader | undefined;

  const keep = (event: string): void => {
    events.push(event);
    units += event.length;
    while (events.length > settings.maxEvents || units > settings.maxUnits) {
      units -= events.shift()?.length ?? 0;
    }
  };
  const isAllKept = (after: number): boolean =>
    isKept && after <= last && after >= last - events.length;
  const find = (after: number): IteratorResult<string> | undefined => {
    const value = isAllKept(after) ? events[events.length - (last - after)] : undefined;
    if (value !== undefined) return { done: false, value };
    return isClosed || !isAllKept(after) ? { done: true, value } : undefined;
  };

  return {
    append: (data, retryMs) => {
      const retry = retryMs === undefined ? "" : `retry: ${retryMs}\n`;
      if (isClosed) return retry + formatEvent(data);
      last++;
      const event = retry + formatEvent(data, formatEventId({ stream, number: last }));
      if (isKept) keep(event);
      reader?.wake();
      return event;
    },
    read: (after, signal) => {
      if (!isAllKept(after)) return undefined;
      reader?.end();
      let at = after;
      const findNext = (): IteratorResult<string> | undefined => {
        const found = find(at);
        if (found?.done === false) at++;
        return found;
      };
      reader = createReader(findNext, signal);
      return reader.events;
    },
    close: () => {
      isClosed = true;
      reader?.wake();
    },
    isClosed: () => isClosed,
    letGo: () => {
      isKept = false;
      events = [];
      units = 0;
      reader?.end();
    },
    units: () => units,
  };
}
