/** The event stream of the old HTTP transport (2024-11-05, HTTP with SSE), and where its messages go up. */
import {
  type Cancellation,
  type EgressResponse,
  type Failure,
  createCanceller,
  failure,
} from "../../core/index.ts";
import { type ServerEvent, readEvents } from "../../mcp/index.ts";
import { CONNECT_MS, type HttpContext } from "./exchange.ts";
import { get, isStream, toFailure } from "./post.ts";
import { isFailure } from "../link.ts";
import { openWatch } from "../watch.ts";

const MAX_URL = 8_192;

export interface SseStream {
  /** Where messages are posted to. */
  readonly url: string;
  /** The messages; throws what broke the stream. */
  readonly texts: AsyncIterable<string>;
  readonly cancel: () => void;
}

/** A failure that came with a status. */
export interface Refusal extends Failure {
  readonly status: number;
}

export async function openSseStream(
  context: HttpContext,
  maxEventBytes: number,
): Promise<SseStream | Failure> {
  const { clock, closing } = context;
  const life = createCanceller();
  const watch = openWatch(clock, { timeoutMs: CONNECT_MS, deadlineMs: CONNECT_MS }, closing);
  const late = (): void => life.abort();
  watch.signal.addEventListener("abort", late, { once: true });
  try {
    const opened = await begin(context, maxEventBytes, life.signal);
    if (!isFailure(opened)) return { ...opened, cancel: life.abort };
    life.abort();
    return watch.fault() ?? opened;
  } catch (error) {
    life.abort();
    return watch.fault() ?? toFailure(error);
  } finally {
    watch.signal.removeEventListener("abort", late);
    watch.close();
  }
}

async function begin(
  { endpoint }: HttpContext,
  maxEventBytes: number,
  signal: Cancellation,
): Promise<Omit<SseStream, "cancel"> | Failure> {
  const response = await get(endpoint, {}, undefined, signal, CONNECT_MS);
  if (isFailure(response)) return response;
  if (response.status !== 200 || !isStream(response)) return noStream(response);
  const limits = { maxEventBytes, maxBytes: Number.POSITIVE_INFINITY };
  const events = readEvents(response.body, limits)[Symbol.asyncIterator]();
  const { value: first, done } = await events.next();
  if (done === true || first.event !== "endpoint") {
    return failure("UPSTREAM_UNAVAILABLE", "The event stream does not begin with its endpoint");
  }
  const url = toPostUrl(first.data, endpoint.url);
  if (url === undefined) {
    return failure("UPSTREAM_INVALID", "The event stream names an endpoint of another origin");
  }
  return { url, texts: toTexts(events) };
}

/** With the status, which says that this is no server of the old transport any more. */
function noStream(response: EgressResponse): Refusal {
  response.cancel();
  const { status } = response;
  const why = `An event stream was refused with HTTP status ${status}`;
  return { ...failure("UPSTREAM_UNAVAILABLE", why), status };
}

/** Our credentials go with each message: a server may not send them to another origin than its own. */
function toPostUrl(data: string, configured: string): string | undefined {
  if (data.length > MAX_URL || !URL.canParse(data, configured)) return undefined;
  const url = new URL(data, configured);
  if (url.origin !== new URL(configured).origin) return undefined;
  if (url.username !== "" || url.password !== "") return undefined;
  url.hash = "";
  return url.href;
}

/** A later `endpoint` is no message: the way up stays what it was. */
async function* toTexts(events: AsyncIterator<ServerEvent>): AsyncGenerator<string> {
  for (;;) {
    const { value: event, done } = await events.next();
    if (done === true) return;
    if ((event.event === undefined || event.event === "message") && event.data !== "") {
      yield event.data;
    }
  }
}
