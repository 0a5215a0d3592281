/** Bytes from outside as bounded text, lines and server-sent events (HTML, section 9.2.6). */
import { createParser } from "eventsource-parser";

/** Bytes that cannot be read, whose sender is at fault. */
export class StreamFault extends Error {
  readonly reason: "too-large" | "not-utf8";
  constructor(reason: StreamFault["reason"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export interface ServerEvent {
  readonly event: string | undefined;
  readonly data: string;
  readonly id: string | undefined;
}
export interface EventLimits {
  /** UTF-16 units that one event may hold, counted on its whole lines. */
  readonly maxEventBytes: number;
  /** Bytes of the whole stream, comments included. */
  readonly maxBytes: number;
}

/**
 * The events of a stream, those with empty data included: their id says where to go on. Comments and
 * unknown fields are left out. `onRetry` hears how many milliseconds the server wants to be left
 * alone before it is asked to go on. Throws `StreamFault`.
 */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
  limits: EventLimits,
  onRetry?: (ms: number) => void,
): AsyncIterable<ServerEvent> {
  const ready: ServerEvent[] = [];
  let tooLarge = false;
  const parser = createParser({
    maxBufferSize: limits.maxEventBytes,
    onEvent: ({ event, data, id }) => {
      tooLarge ||= data.length > limits.maxEventBytes;
      ready.push({ event, data, id });
    },
    onRetry,
    onError: ({ type }) => {
      tooLarge ||= type === "max-buffer-size-exceeded";
    },
  });
  const unify = createLineEndings();
  for await (const text of readPieces(body, limits.maxBytes)) {
    parser.feed(unify(text));
    if (tooLarge) throw tooLargeFault("An event", limits.maxEventBytes);
    yield* ready.splice(0);
  }
}

/**
 * Makes every line end one `\n`, across pieces, and drops a byte-order mark at the start. The parser
 * would search the whole piece again for each `\r`: 10 MB of them kept it busy for many seconds.
 */
function createLineEndings(): (piece: string) => string {
  let first = true;
  let afterReturn = false;
  return (piece) => {
    let text = piece;
    if (first && text.startsWith("\uFEFF")) text = text.slice(1);
    else if (afterReturn && text.startsWith("\n")) text = text.slice(1);
    first = false;
    afterReturn = text.endsWith("\r");
    return text.includes("\r") ? text.replaceAll(/\r\n?/g, "\n") : text;
  };
}

/** The whole body as text. A byte-order mark is kept, so that it is no JSON. Throws `StreamFault`. */
export async function readText(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const pieces: string[] = [];
  for await (const text of readPieces(body, maxBytes)) pieces.push(text);
  return pieces.join("");
}

const whole = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes that are all here. A byte-order mark is kept, so that it is no JSON. Throws `StreamFault`. */
export function decodeText(bytes: Uint8Array): string {
  return decode(() => whole.decode(bytes));
}

/** The lines of a stream, without their ends and without blank ones. Throws `StreamFault`. */
export async function* readLines(
  body: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncIterable<string> {
  let pending: string[] = [];
  let length = 0;
  for await (const text of readPieces(body, Number.POSITIVE_INFINITY)) {
    const lines = text.split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) {
      length += line.length;
      if (length > maxLineBytes) throw tooLargeFault("A line", maxLineBytes);
      pending.push(line);
      const whole = pending.join("").replace(/\r$/, "");
      pending = [];
      length = 0;
      if (whole.trim() !== "") yield whole;
    }
    length += rest.length;
    if (length > maxLineBytes) throw tooLargeFault("A line", maxLineBytes);
    if (rest !== "") pending.push(rest);
  }
  const last = pending.join("");
  if (last.trim() !== "") yield last;
}

/**
 * One event with one `data` line. JSON may hold line breaks between its values, and never inside
 * its strings, so a space can stand for each; a line of its own could otherwise begin with `event:`.
 * The id is one of ours, without line breaks.
 */
export function formatEvent(data: string, id?: string): string {
  const line = `data: ${/[\r\n]/.test(data) ? data.replaceAll(/[\r\n]/g, " ") : data}\n\n`;
  return id === undefined ? line : `id: ${id}\n${line}`;
}

async function* readPieces(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncIterable<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLargeFault("The body", maxBytes);
    const text = decode(() => decoder.decode(chunk, { stream: true }));
    if (text !== "") yield text;
  }
  decode(() => decoder.decode());
}

function decode(read: () => string): string {
  try {
    return read();
  } catch (cause) {
    throw new StreamFault("not-utf8", "The bytes are not UTF-8", { cause });
  }
}

function tooLargeFault(what: string, limit: number): StreamFault {
  return new StreamFault("too-large", `${what} is larger than ${limit} bytes`);
}
