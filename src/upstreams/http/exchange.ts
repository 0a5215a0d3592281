/** The messages of one HTTP answer that belong to one call. */
import {
  type Cancellation,
  type Clock,
  type EgressResponse,
  type Failure,
  failure,
} from "../../core/index.ts";
import type { JsonRpcMessage, NotificationMessage, RequestMessage } from "../../mcp/index.ts";
import type { Closing } from "../closing.ts";
import { type Trail, createTrail, readEventMessages } from "./events.ts";
import { type Endpoint, isStream, post, readJsonMessage } from "./post.ts";
import { type Refused, readRefusal } from "./refusal.ts";
import {
  type LinkEnd,
  type LinkQuestion,
  type ListChange,
  type Stale,
  isAlone,
  isFailure,
} from "../link.ts";
import type { Notice } from "../notices.ts";
import { openWatch } from "../watch.ts";
import { type ClientInfo, changedList } from "../wire.ts";

/** How long a stream may take to end after its answer, so that its connection can be used again. */
const DRAIN_MS = 500;

/** For a request of our own. */
export const CONNECT_MS = 10_000;

/** What every exchange of one HTTP upstream shares. */
export interface HttpContext {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly notice: Notice;
  readonly clientInfo: ClientInfo;
  readonly timeoutMs: number;
  readonly nextId: () => number;
  readonly onListChange: (list: ListChange, scope: string) => void;
  readonly closing: Closing;
  /** Of one message on a stream that all calls share; the largest answer a client may receive. */
  readonly maxMessageBytes?: number;
  /** Streams that stand open for nobody's call; undefined where there are too many. */
  readonly takeStanding: () => (() => void) | undefined;
}

export interface Posted {
  readonly id: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxBytes: number;
  /** Whose lists a notification on this exchange speaks of. */
  readonly scope: string;
  /** What the server asked of us on this stream; a failure ends the exchange. */
  readonly onRequest: (request: RequestMessage) => Failure | LinkQuestion | undefined;
  /** Sees what the server tells, besides the call. */
  readonly onNotification?: (message: NotificationMessage) => void;
  /** Goes on with a stream that broke before the response; undefined where it cannot. */
  readonly resume?: (trail: Trail) => Promise<EgressResponse | undefined>;
  /** Sees the headers of the answer before its body. */
  readonly onHeaders?: (headers: EgressResponse["headers"]) => void;
}

export type HttpEnd = Exclude<LinkEnd, Stale>;
export type HttpMessage = NotificationMessage | LinkQuestion | HttpEnd;

const unanswered = failure(
  "UPSTREAM_INVALID",
  "The answer ended without a response to the request",
);

/** Posts one request and gives what comes back for it, or how it was refused. */
export async function exchange(
  context: HttpContext,
  posted: Posted,
  signal: Cancellation,
  timeoutMs = context.timeoutMs,
): Promise<HttpEnd | Refused | AsyncGenerator<HttpMessage>> {
  const { endpoint } = context;
  const response = await post(endpoint, posted.text, posted.headers, signal, timeoutMs);
  if (isFailure(response)) return response;
  posted.onHeaders?.(response.headers);
  const { status } = response;
  if (status === 200 && isStream(response)) return readStream(context, posted, response);
  if (status === 200) return readSingle(context, posted, response);
  if (status < 200 || status >= 300) return readRefusal(response, posted.id);
  response.cancel();
  return failure("UPSTREAM_INVALID", `A request was answered with HTTP status ${status}`);
}

/** The answer to one request of our own, under a deadline of its own. */
export async function askOnce(context: HttpContext, posted: Posted): Promise<HttpEnd | Refused> {
  const limits = { timeoutMs: CONNECT_MS, deadlineMs: CONNECT_MS };
  const watch = openWatch(context.clock, limits, context.closing);
  try {
    const answer = await exchange(context, posted, watch.signal, CONNECT_MS);
    const end = isAlone(answer) ? answer : await lastOf(answer);
    return end.kind === "failure" ? (watch.fault() ?? end) : end;
  } finally {
    watch.close();
  }
}

async function lastOf(messages: AsyncIterable<HttpMessage>): Promise<HttpEnd> {
  for await (const message of messages) if (isEnd(message)) return message;
  return unanswered;
}

async function readSingle(
  context: HttpContext,
  posted: Posted,
  response: EgressResponse,
): Promise<HttpEnd> {
  const message = await readJsonMessage(response, posted.maxBytes);
  if (isFailure(message)) {
    response.cancel();
    return message;
  }
  const read = toHttpMessage(context, posted, message);
  return read === undefined || !isEnd(read) ? unanswered : read;
}

export function isEnd(message: HttpMessage): message is HttpEnd {
  return message.kind !== "notification" && message.kind !== "question";
}

async function* readStream(
  context: HttpContext,
  posted: Posted,
  first: EgressResponse,
): AsyncGenerator<HttpMessage> {
  const { maxBytes } = posted;
  const trail = createTrail();
  let response = first;
  let messages = readEventMessages(first, { maxEventBytes: maxBytes, maxBytes }, trail);
  let answered = false;
  try {
    for (;;) {
      const { value: message, done } = await messages.next();
      const broke = done === true ? unanswered : isBroken(message) ? message : undefined;
      if (broke !== undefined) {
        const next = await posted.resume?.(trail);
        if (next === undefined) {
          yield broke;
          return;
        }
        response = next;
        const left = Math.max(0, maxBytes - trail.length);
        messages = readEventMessages(next, { maxEventBytes: left, maxBytes: left }, trail);
        continue;
      }
      const read = isFailure(message) ? message : toHttpMessage(context, posted, message);
      if (read === undefined) continue;
      answered = read.kind === "result" || read.kind === "error";
      yield read;
      if (isEnd(read)) return;
    }
  } finally {
    if (answered) drain(context, messages, response);
    else response.cancel();
  }
}

/** The connection was lost, and no message was bad. */
function isBroken(message: JsonRpcMessage | Failure): message is Failure {
  return isFailure(message) && message.code === "UPSTREAM_UNAVAILABLE";
}

/** What a message is to the call; undefined where it is none of its business. */
function toHttpMessage(
  { notice, onListChange }: HttpContext,
  { id, scope, onRequest, onNotification }: Posted,
  message: JsonRpcMessage,
): HttpMessage | undefined {
  if (message.kind === "response") {
    if (message.id === String(id)) return message.answer;
    notice("An upstream answered a request that was not sent; dropped");
    return undefined;
  }
  if (message.kind === "request") return onRequest(message);
  const list = changedList(message);
  if (list !== undefined) onListChange(list, scope);
  onNotification?.(message);
  return message;
}

/** Reads on for a moment; whatever comes after the answer is ignored. */
function drain(
  { clock, closing }: HttpContext,
  messages: AsyncGenerator<unknown>,
  response: EgressResponse,
): void {
  const stop = () => response.cancel();
  const timer = clock.after(DRAIN_MS, stop);
  const unlisten = closing.onClose(stop);
  const run = async () => {
    // `readEventMessages` turns every fault of the stream into a message, so nothing is thrown here.
    while (!(await messages.next()).done);
    timer.cancel();
    unlisten();
  };
  void run();
}
