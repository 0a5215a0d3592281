/** One way to a server on which both sides speak at any time: many calls at once, each gets its own. */
import { type Cancellation, type Failure, failure } from "../../core/index.ts";
import {
  type ErrorMessage,
  type JsonRpcMessage,
  type NotificationMessage,
  type RequestMessage,
  type ResultMessage,
  inputKindOf,
} from "../../mcp/index.ts";
import { type Followers, createFollowers } from "./followers.ts";
import { type OpenQuestion, createQuestions } from "./questions.ts";
import { type Inbox, createInbox } from "./inbox.ts";
import { type LinkQuestion, type ListChange, isFailure } from "../link.ts";
import type { Notice } from "../notices.ts";
import type { Outbox } from "./outbox.ts";
import { changedList, readMessage, toCancelText } from "../wire.ts";

export type ChannelMessage =
  | NotificationMessage
  | LinkQuestion
  | ResultMessage
  | ErrorMessage
  | Failure;

export interface ChannelCall {
  readonly id: number;
  readonly text: string;
  /** Of the whole answer; for a call without an end, of what waits. */
  readonly maxBytes: number;
  /** A caller's call, one that may be asked for input, one of our own, or our own without an end. */
  readonly role: "call" | "asks" | "own" | "listen";
  /** Whether a notification is about this call. */
  readonly claims: (message: NotificationMessage) => boolean;
  /** Whether `notifications/cancelled` may be sent for it. */
  readonly cancellable: boolean;
}

export interface Channel {
  /** As the stream of `Link.exchange`. */
  readonly exchange: (call: ChannelCall, signal: Cancellation) => AsyncGenerator<ChannelMessage>;
  /** Never rejects. */
  readonly send: (text: string) => Promise<void>;
  readonly follow: Followers["follow"];
  /** Settles with what ended it, once no more messages can come. */
  readonly over: Promise<Failure>;
  readonly isOver: () => boolean;
}

export interface ChannelSettings {
  /** The server's messages. */
  readonly texts: AsyncIterable<string>;
  readonly outbox: Outbox;
  /** Why `texts` ended, or what they threw. */
  readonly explain: (fault: unknown) => Promise<Failure>;
  /**
   * How the server's own requests are met: they are put to the newest call, refused, or, since a
   * modern server must not ask so, end the call.
   */
  readonly onRequest: () => "ask" | "refuse" | "end-call";
  /** Its calls are of several callers: what names no call could be any one's, and is dropped. */
  readonly isShared: boolean;
  readonly notice: Notice;
  readonly onListChange: (list: ListChange) => void;
}

const encoder = new TextEncoder();

interface Pending {
  readonly call: ChannelCall;
  readonly inbox: Inbox<ChannelMessage>;
  readonly questions: Set<OpenQuestion>;
  bytes: number;
}

export function openChannel(settings: ChannelSettings): Channel {
  const { outbox, notice, onListChange, isShared } = settings;
  const pending = new Map<string, Pending>();
  const followers = createFollowers();
  const questions = createQuestions(send, notice);
  let ended: Failure | undefined;

  function put(to: Pending, message: ChannelMessage, text: string): boolean {
    const { call, inbox } = to;
    to.bytes = (call.role === "listen" ? inbox.size() : to.bytes) + text.length;
    // Counting bytes costs a copy, and is of use only where they could be too many.
    if (to.bytes * 3 > call.maxBytes) to.bytes += encoder.encode(text).length - text.length;
    if (to.bytes <= call.maxBytes) {
      inbox.put(message, text.length, call.role === "listen" ? text : undefined);
      return true;
    }
    inbox.put(failure("RESPONSE_TOO_LARGE", "The answer is larger than the client may receive"));
    pending.delete(String(call.id));
    return false;
  }

  /** The only call of a caller, which must be what a message without a name is about. */
  function only(): Pending | undefined {
    if (isShared) return undefined;
    const calls = [...pending.values()].filter(({ call }) => isCallers(call));
    return calls.length === 1 ? calls[0] : undefined;
  }

  function onText(text: string): void {
    const message = readMessage(text);
    if (isFailure(message)) onGarbage(text, message);
    else if (message.kind === "response") onResponse(message, text);
    else if (message.kind === "request") onRequest(message, text);
    else onNotification(message, text);
  }

  /** Some servers print banners on their output: dropped, unless the line is a call's bad answer. */
  function onGarbage(text: string, fault: Failure): void {
    const to = pending.get(idOfBroken(text) ?? "");
    if (to === undefined) notice("An upstream wrote a line that is no message; dropped");
    else answer(to, fault, "");
  }

  function onResponse(message: JsonRpcMessage & { kind: "response" }, text: string): void {
    const to = pending.get(message.id ?? "");
    if (to === undefined) notice("An upstream answered a request that was not sent; dropped");
    else answer(to, message.answer, text);
  }

  function answer(to: Pending, message: ChannelMessage, text: string): void {
    put(to, message, text);
    pending.delete(String(to.call.id));
  }

  function onRequest(request: RequestMessage, text: string): void {
    const how = settings.onRequest();
    if (how === "end-call") {
      const to = only();
      if (to === undefined) notice("A modern upstream sent a request of its own; dropped");
      else put(to, failure("INPUT_DENIED", "A modern upstream sent a request of its own"), "");
      return;
    }
    const isAsking = how === "ask" && inputKindOf(request.method, request.params) !== undefined;
    const to = isAsking ? newest() : undefined;
    if (to === undefined) return questions.refuse(request);
    const opened = questions.open(request);
    if (opened === undefined) return;
    // A call that has no room for it is over, and refuses what was asked of it.
    to.questions.add(opened);
    put(to, opened.question, text);
  }

  /** A server asks without saying for which call: most likely for the one that came last. */
  function newest(): Pending | undefined {
    return [...pending.values()].findLast(({ call }) => call.role === "asks");
  }

  function onNotification(message: NotificationMessage, text: string): void {
    const list = changedList(message);
    if (list !== undefined) onListChange(list);
    followers.tell(message);
    const named = [...pending.values()].find(({ call }) => call.claims(message));
    // What tells of changes is nobody's answer, and must not fill one.
    const to = named ?? (message.method === "notifications/message" ? only() : undefined);
    if (to !== undefined) put(to, message, text);
  }

  async function send(text: string): Promise<void> {
    const letter = outbox.post(text);
    if (letter === undefined) notice("An upstream does not read; a message to it is dropped");
    await letter?.over;
  }

  async function read(): Promise<unknown> {
    try {
      for await (const text of settings.texts) onText(text);
      return undefined;
    } catch (fault) {
      return fault;
    }
  }

  const over = read().then(async (fault) => {
    const why = await settings.explain(fault);
    ended = why;
    outbox.close();
    for (const { inbox } of pending.values()) inbox.put(why);
    pending.clear();
    followers.end();
    return why;
  });

  async function* exchange(
    call: ChannelCall,
    signal: Cancellation,
  ): AsyncGenerator<ChannelMessage> {
    if (ended !== undefined) {
      yield ended;
      return;
    }
    const letter = outbox.post(call.text);
    if (letter === undefined) {
      yield failure("UPSTREAM_UNAVAILABLE", "The upstream does not read what it is sent");
      return;
    }
    const id = String(call.id);
    const inbox = createInbox<ChannelMessage>();
    const to: Pending = { call, inbox, questions: new Set(), bytes: 0 };
    let answered = false;
    pending.set(id, to);
    void letter.over.then((fault) => fault && inbox.put(fault));
    try {
      for (;;) {
        const message = await inbox.take(signal);
        if (message === undefined) return;
        answered = message.kind === "result" || message.kind === "error";
        yield message;
        if (message.kind !== "notification" && message.kind !== "question") return;
      }
    } finally {
      pending.delete(id);
      for (const { refuse } of to.questions) refuse();
      // What the server has never seen needs no cancellation.
      const isUnsent = letter.takeBack();
      if (!answered && !isUnsent && call.cancellable) void send(toCancelText(call.id));
    }
  }

  return { exchange, send, follow: followers.follow, over, isOver: () => ended !== undefined };
}

function isCallers({ role }: ChannelCall): boolean {
  return role === "call" || role === "asks";
}

/** The id of an answer that cannot be read strictly, so that its call need not wait in vain. */
function idOfBroken(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("id" in value)) return undefined;
    return JSON.stringify(value.id);
  } catch {
    return undefined;
  }
}
