/** One child process that speaks MCP on its pipes: many calls at once, each gets what is its own. */
import { type Cancellation, type Child, type Failure, failure } from "../core/index.ts";
import {
  type ErrorMessage,
  type JsonRpcMessage,
  type NotificationMessage,
  type RequestMessage,
  type ResultMessage,
  StreamFault,
  member,
  readLines,
  textOf,
} from "../mcp/index.ts";
import { type Inbox, createInbox } from "./inbox.ts";
import { type ListChange, isFailure } from "./link.ts";
import type { Notice } from "./notices.ts";
import { createOutbox } from "./outbox.ts";
import { changedList, readMessage, toCancelText, toLine, toRefusalText } from "./wire.ts";

/** Answers to the server's own requests that wait for the pipe at once; more are dropped. */
const MAX_REPLIES = 64;

export type ProcessMessage = NotificationMessage | ResultMessage | ErrorMessage | Failure;

export interface ProcessCall {
  readonly id: number;
  readonly text: string;
  readonly progressToken: string | undefined;
  readonly maxBytes: number;
  /** Whether `notifications/cancelled` may be sent for it. */
  readonly cancellable: boolean;
}

export interface McpProcess {
  /** As the stream of `Link.exchange`. */
  readonly exchange: (call: ProcessCall, signal: Cancellation) => AsyncIterable<ProcessMessage>;
  readonly send: (text: string) => Promise<void>;
  readonly inFlight: () => number;
  /** Settles with what ended it, once no more messages can come. */
  readonly over: Promise<Failure>;
  readonly isOver: () => boolean;
}

export interface ProcessSettings {
  readonly child: Child;
  /** Finds out more of why the output has ended. */
  readonly explain: (why: Failure) => Promise<Failure>;
  /** A modern server must not ask; a legacy one is told that nobody answers. */
  readonly refuseRequests: () => "answer" | "end-call";
  readonly maxLineBytes: number;
  readonly notice: Notice;
  readonly onListChange: (list: ListChange) => void;
}

const encoder = new TextEncoder();

interface Pending {
  readonly call: ProcessCall;
  readonly inbox: Inbox<ProcessMessage>;
  bytes: number;
}

export function openProcess(settings: ProcessSettings): McpProcess {
  const { child, notice, onListChange } = settings;
  const pending = new Map<string, Pending>();
  let replies = 0;
  let ended: Failure | undefined;

  const put = (to: Pending, message: ProcessMessage, line: string) => {
    to.bytes += line.length;
    // Counting bytes costs a copy, and is of use only where they could be too many.
    if (to.bytes * 3 > to.call.maxBytes) to.bytes += encoder.encode(line).length - line.length;
    if (to.bytes > to.call.maxBytes) {
      to.inbox.put(
        failure("RESPONSE_TOO_LARGE", "The answer is larger than the client may receive"),
      );
      pending.delete(String(to.call.id));
    } else {
      to.inbox.put(message);
    }
  };
  const only = () => (pending.size === 1 ? [...pending.values()][0] : undefined);

  function onLine(line: string): void {
    const message = readMessage(line);
    if (isFailure(message)) onGarbage(line, message);
    else if (message.kind === "response") onResponse(message, line);
    else if (message.kind === "request") onRequest(message);
    else onNotification(message, line);
  }

  /** Some servers print banners on their output: dropped, unless the line is a call's bad answer. */
  function onGarbage(line: string, fault: Failure): void {
    const to = pending.get(idOfBroken(line) ?? "");
    if (to === undefined) notice("An upstream wrote a line that is no message; dropped");
    else answer(to, fault, "");
  }

  function onResponse(message: JsonRpcMessage & { kind: "response" }, line: string): void {
    const to = pending.get(message.id ?? "");
    if (to === undefined) notice("An upstream answered a request that was not sent; dropped");
    else answer(to, message.answer, line);
  }

  function answer(to: Pending, message: ProcessMessage, line: string): void {
    put(to, message, line);
    pending.delete(String(to.call.id));
  }

  function onRequest({ id, method }: RequestMessage): void {
    if (settings.refuseRequests() === "end-call") {
      const to = only();
      if (to === undefined) notice("A modern upstream sent a request of its own; dropped");
      else put(to, failure("INPUT_DENIED", "A modern upstream sent a request of its own"), "");
      return;
    }
    if (replies >= MAX_REPLIES) return;
    replies++;
    void send(toRefusalText(id, method)).finally(() => replies--);
  }

  /** Progress names its call; a log message belongs to a call only if there is no other. */
  function onNotification(message: NotificationMessage, line: string): void {
    const list = changedList(message);
    if (list !== undefined) onListChange(list);
    const token = member(message.params, "progressToken");
    const text = token && textOf(token);
    const to =
      message.method === "notifications/progress"
        ? [...pending.values()].find(
            ({ call }) => text !== undefined && call.progressToken === text,
          )
        : only();
    if (to !== undefined) put(to, message, line);
  }

  /** A write to a process that has gone is no fault of its own: the end of the process is told. */
  const outbox = createOutbox(child.write, () => notice("An upstream's input is closed"));

  async function send(text: string): Promise<void> {
    const letter = outbox.post(toLine(text));
    if (letter === undefined) notice("An upstream does not read; a message to it is dropped");
    await letter?.over;
  }

  async function read(): Promise<Failure> {
    try {
      for await (const line of readLines(child.stdout, settings.maxLineBytes)) {
        if (line.trim() !== "") onLine(line);
      }
      return failure("UPSTREAM_UNAVAILABLE", "The process closed its output");
    } catch (error) {
      return toReadFailure(error);
    }
  }

  const over = read().then(async (seen) => {
    const why = await settings.explain(seen);
    ended = why;
    outbox.close();
    for (const { inbox } of pending.values()) inbox.put(why);
    pending.clear();
    return why;
  });

  async function* exchange(
    call: ProcessCall,
    signal: Cancellation,
  ): AsyncGenerator<ProcessMessage> {
    if (ended !== undefined) {
      yield ended;
      return;
    }
    const letter = outbox.post(toLine(call.text));
    if (letter === undefined) {
      yield failure("UPSTREAM_UNAVAILABLE", "The process does not read what it is sent");
      return;
    }
    const inbox = createInbox<ProcessMessage>();
    const id = String(call.id);
    let answered = false;
    pending.set(id, { call, inbox, bytes: 0 });
    try {
      for (;;) {
        const message = await inbox.take(signal);
        if (message === undefined) return;
        answered = message.kind === "result" || message.kind === "error";
        yield message;
        if (message.kind !== "notification") return;
      }
    } finally {
      pending.delete(id);
      // What the process has never seen needs no cancellation.
      const isUnsent = letter.takeBack();
      if (!answered && !isUnsent && call.cancellable) void send(toCancelText(call.id));
    }
  }

  return {
    exchange,
    send,
    inFlight: () => pending.size,
    over,
    isOver: () => ended !== undefined,
  };
}

function toReadFailure(error: unknown): Failure {
  if (!(error instanceof StreamFault)) {
    return failure("UPSTREAM_UNAVAILABLE", "The process's output cannot be read");
  }
  return error.reason === "too-large"
    ? failure("RESPONSE_TOO_LARGE", "The process wrote a line that is too long")
    : failure("UPSTREAM_INVALID", "The process wrote a line that is not UTF-8");
}

/** The id of an answer that cannot be read strictly, so that its call need not wait in vain. */
function idOfBroken(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("id" in value)) return undefined;
    return JSON.stringify(value.id);
  } catch {
    return undefined;
  }
}
