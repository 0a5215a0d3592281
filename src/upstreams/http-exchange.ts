/** The messages of one HTTP answer that belong to one call. */
import {
  type Cancellation,
  type Clock,
  type EgressResponse,
  type Failure,
  failure,
} from "../core/index.ts";
import type { JsonRpcMessage, NotificationMessage, RequestMessage } from "../mcp/index.ts";
import type { Closing } from "./closing.ts";
import {
  type Endpoint,
  type Refused,
  isStream,
  post,
  readEventMessages,
  readJsonMessage,
  readRefusal,
} from "./http-post.ts";
import { type LinkEnd, type ListChange, type Stale, isFailure } from "./link.ts";
import type { Notice } from "./notices.ts";
import { type ClientInfo, changedList } from "./wire.ts";

/** How long a stream may take to end after its answer, so that its connection can be used again. */
const DRAIN_MS = 500;

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
}

export interface Posted {
  readonly id: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxBytes: number;
  /** Whose lists a notification on this exchange speaks of. */
  readonly scope: string;
  /** What the server asked of us on this stream; a failure ends the exchange. */
  readonly onRequest: (request: RequestMessage) => Failure | undefined;
  /** Sees the headers of the answer before its body. */
  readonly onHeaders?: (headers: EgressResponse["headers"]) => void;
}

export type HttpEnd = Exclude<LinkEnd, Stale>;
export type HttpMessage = NotificationMessage | HttpEnd;

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
  return read === undefined || read.kind === "notification" ? unanswered : read;
}

async function* readStream(
  context: HttpContext,
  posted: Posted,
  response: EgressResponse,
): AsyncGenerator<HttpMessage> {
  const messages = readEventMessages(response, posted.maxBytes);
  let answered = false;
  try {
    for (;;) {
      const { value: message, done } = await messages.next();
      if (done) break;
      const read = isFailure(message) ? message : toHttpMessage(context, posted, message);
      if (read === undefined) continue;
      answered = read.kind === "result" || read.kind === "error";
      yield read;
      if (read.kind !== "notification") return;
    }
    yield unanswered;
  } finally {
    if (answered) drain(context, messages, response);
    else response.cancel();
  }
}

/** What a message is to the call; undefined where it is none of its business. */
function toHttpMessage(
  { notice, onListChange }: HttpContext,
  { id, scope, onRequest }: Posted,
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
