/** Listening to a modern upstream: one request whose answer stays open (2026-07-28, subscriptions). */
import {
  type Cancellation,
  type EgressResponse,
  type Failure,
  createCanceller,
  failure,
} from "../../core/index.ts";
import type { JsonRpcMessage, NotificationMessage } from "../../mcp/index.ts";
import {
  isOfSubscription,
  readAcknowledged,
  toListenParams,
  withoutSubscriptionId,
} from "../channel/subscription.ts";
import { readEventMessages } from "./events.ts";
import { CONNECT_MS, type HttpContext } from "./exchange.ts";
import { toModernPost, toOwnCall } from "./modern-post.ts";
import { isStream, post, readJsonMessage } from "./post.ts";
import { readRefusal } from "./refusal.ts";
import { MAX_EVENT_BYTES } from "./standing.ts";
import { type ListenWish, isFailure } from "../link.ts";
import { Aborted } from "../watch.ts";
import { changedList } from "../wire.ts";

type Messages = AsyncGenerator<JsonRpcMessage | Failure>;

/** The changes end with `signal`, the upstream's stream or the gateway. Rejects with `Aborted`. */
export async function listenModern(
  context: HttpContext,
  capabilities: string,
  wish: ListenWish,
  signal: Cancellation,
): Promise<AsyncIterable<NotificationMessage> | Failure> {
  const { clock, closing } = context;
  const release = context.takeStanding();
  if (release === undefined) {
    return failure("UPSTREAM_UNAVAILABLE", "Too many streams of the upstream are open");
  }
  const own = createCanceller();
  let unlisten = (): void => undefined;
  const finish = (): void => {
    timer.cancel();
    unlisten();
    signal.removeEventListener("abort", finish);
    own.abort();
    release();
  };
  const timer = clock.after(CONNECT_MS, own.abort);
  signal.addEventListener("abort", finish, { once: true });
  unlisten = closing.onClose(finish);
  if (signal.aborted) finish();
  const id = context.nextId();
  const opened = await open(context, id, capabilities, wish, own.signal);
  timer.cancel();
  if (!isFailure(opened) && !own.signal.aborted) {
    return changesOf(context, id, capabilities, opened, finish);
  }
  const isLate = own.signal.aborted && !closing.isClosed();
  finish();
  if (signal.aborted) throw new Aborted();
  if (isLate) return failure("UPSTREAM_TIMEOUT", "The subscription was not acknowledged in time");
  return isFailure(opened) ? opened : failure("UPSTREAM_UNAVAILABLE", "The gateway is closing");
}

/** The messages behind the acknowledgement. */
async function open(
  { endpoint, clientInfo }: HttpContext,
  id: number,
  capabilities: string,
  wish: ListenWish,
  signal: Cancellation,
): Promise<Messages | Failure> {
  const params = toListenParams(wish);
  const own = { id, method: "subscriptions/listen", params, capabilities };
  const { text, headers } = toModernPost(
    clientInfo,
    toOwnCall({ ...own, maxBytes: MAX_EVENT_BYTES }),
  );
  const response = await post(endpoint, text, headers, signal, CONNECT_MS);
  if (isFailure(response)) return response;
  if (response.status !== 200 || !isStream(response)) return toRefused(response, id);
  const limits = { maxEventBytes: MAX_EVENT_BYTES, maxBytes: Number.POSITIVE_INFINITY };
  const messages = readEventMessages(response, limits);
  const { value: first } = await messages.next();
  const fault = first === undefined ? unheard : toFault(first, id);
  if (fault !== undefined) response.cancel();
  return fault ?? messages;
}

async function toRefused(response: EgressResponse, id: number): Promise<Failure> {
  if (response.status === 200) {
    const message = await readJsonMessage(response, MAX_EVENT_BYTES);
    response.cancel();
    return toFault(message, id) ?? unheard;
  }
  const refused = await readRefusal(response, id);
  if (isFailure(refused)) return refused;
  const { status, error } = refused;
  if (error?.code === -32601 || (error === undefined && (status === 404 || status === 405))) {
    return unheard;
  }
  return failure("UPSTREAM_UNAVAILABLE", `The subscription was refused with status ${status}`);
}

/** What is wrong with the first message; undefined for the acknowledgement. */
function toFault(first: JsonRpcMessage | Failure, id: number): Failure | undefined {
  if (isFailure(first)) return first;
  if (first.kind === "notification" && isOfSubscription(first, id)) {
    const isAcknowledged = readAcknowledged(first);
    if (isAcknowledged === true) return undefined;
    if (isAcknowledged === false) return unheard;
  }
  if (first.kind === "response" && first.answer.kind === "error") {
    const { code } = first.answer;
    if (code === -32601) return unheard;
    return failure("UPSTREAM_UNAVAILABLE", `The subscription was refused with error ${code}`);
  }
  return failure("UPSTREAM_INVALID", "The subscription does not begin with its acknowledgement");
}

const unheard = failure("UPSTREAM_INVALID", "The upstream does not tell of these changes");

async function* changesOf(
  { notice, onListChange }: HttpContext,
  id: number,
  capabilities: string,
  messages: Messages,
  finish: () => void,
): AsyncGenerator<NotificationMessage> {
  try {
    for await (const message of messages) {
      if (isFailure(message)) {
        if (message.code === "UPSTREAM_UNAVAILABLE") return;
        notice(message.why);
      } else if (message.kind !== "notification") {
        // The result ends the subscription; a request is nothing that a modern server may send.
        return;
      } else if (isOfSubscription(message, id)) {
        const list = changedList(message);
        if (list !== undefined) onListChange(list, capabilities);
        yield withoutSubscriptionId(message);
      } else {
        notice("An upstream sent a change under another subscription; dropped");
      }
    }
  } finally {
    finish();
  }
}
