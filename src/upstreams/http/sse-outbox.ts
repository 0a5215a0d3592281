/** The way up of the old HTTP transport: a POST for each message, many at once. */
import {
  type Canceller,
  type Clock,
  type Failure,
  createCanceller,
  failure,
} from "../../core/index.ts";
import type { Endpoint } from "./post.ts";
import { post } from "./post.ts";
import { isFailure } from "../link.ts";
import { MAX_WAITING, type Outbox } from "../channel/outbox.ts";
import { within } from "../watch.ts";

/** Some servers answer the POST only when the call is over, whose deadline then ends it. */
const POST_MS = 86_400_000;
/** How long a message is waited for that nothing else waits for. */
const TAKEN_MS = 10_000;
/** Of an answer that says nothing, so that its connection can be used again. */
const MAX_BYTES = 65_536;

/** `onLost` hears that the server knows the session no more. */
export function createSseOutbox(clock: Clock, endpoint: Endpoint, onLost: () => void): Outbox {
  const open = new Set<Canceller>();
  let length = 0;
  let isClosed = false;

  async function send(text: string, canceller: Canceller): Promise<Failure | undefined> {
    const { signal } = canceller;
    open.add(canceller);
    length += text.length;
    const response = await post(endpoint, text, {}, signal, POST_MS);
    if (!isFailure(response)) await response.read(MAX_BYTES).catch(response.cancel);
    open.delete(canceller);
    length -= text.length;
    if (signal.aborted) return undefined;
    if (isFailure(response)) return response;
    const { status } = response;
    if (status >= 200 && status < 300) return undefined;
    if (status === 404 || status === 410) onLost();
    return failure("UPSTREAM_UNAVAILABLE", `A message was refused with HTTP status ${status}`);
  }

  return {
    post: (text) => {
      if (isClosed) return { over: Promise.resolve(undefined), takeBack: () => true };
      if (length > 0 && length + text.length > MAX_WAITING) return undefined;
      const canceller = createCanceller();
      return {
        over: within(send(text, canceller), TAKEN_MS, clock),
        // The server may have it already, whatever becomes of its answer.
        takeBack: () => {
          canceller.abort();
          return false;
        },
      };
    },
    close: () => {
      isClosed = true;
      for (const { abort } of open) abort();
    },
  };
}
