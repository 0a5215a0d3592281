/** The messages of an event stream, and how far it was read, so that a broken one can go on. */
import { type EgressResponse, type Failure } from "../../core/index.ts";
import { type EventLimits, type JsonRpcMessage, readEvents } from "../../mcp/index.ts";
import { toFailure } from "./post.ts";
import { readMessage } from "../wire.ts";

const FIRST_PAUSE_MS = 1_000;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;

/** How far a stream was read, over all its connections. */
export interface Trail {
  /** Of the last event that had one; "" takes it back (HTML, section 9.2.6). */
  lastId: string | undefined;
  /** How long the server wants to be left alone before the stream goes on. */
  retryMs: number | undefined;
  /** UTF-16 units of the messages. */
  length: number;
  /** Connections in a row that brought no message. */
  barren: number;
}

export function createTrail(): Trail {
  return { lastId: undefined, retryMs: undefined, length: 0, barren: 0 };
}

/**
 * The wait before the stream is asked for again. What brings nothing is asked for less and less
 * often, whatever the server says.
 */
export function toPauseMs({ retryMs = FIRST_PAUSE_MS, barren }: Trail): number {
  const ms = Math.max(retryMs, SHORTEST_PAUSE_MS) * 2 ** Math.min(Math.max(0, barren - 3), 10);
  return Math.min(ms, LONGEST_PAUSE_MS);
}

/** Ends where the upstream ends it; a bad message is a failure, and so is the end of a broken one. */
export async function* readEventMessages(
  response: EgressResponse,
  limits: EventLimits,
  trail: Trail = createTrail(),
): AsyncGenerator<JsonRpcMessage | Failure> {
  const onRetry = (ms: number): void => {
    trail.retryMs = ms;
  };
  try {
    for await (const { event, data, id } of readEvents(response.body, limits, onRetry)) {
      if (id !== undefined) trail.lastId = isEventId(id) ? id : undefined;
      if ((event !== undefined && event !== "message") || data === "") continue;
      trail.length += data.length;
      trail.barren = 0;
      yield readMessage(data);
    }
  } catch (error) {
    yield toFailure(error);
  }
}

/** It becomes the value of a header. */
function isEventId(id: string): boolean {
  return /^[\x20-\x7e]{1,1024}$/.test(id);
}
