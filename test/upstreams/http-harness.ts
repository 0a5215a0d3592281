/** Links of the HTTP transport alone: what it does for its callers, and what it leaves behind. */
import type { Clock, Egress } from "../../src/core/index.ts";
import { type NotificationMessage, textOf } from "../../src/mcp/index.ts";
import { openHttpTransport } from "../../src/upstreams/http/transport.ts";
import {
  type Link,
  type LinkAnswer,
  type LinkCall,
  type LinkMessage,
  type LinkQuestion,
  type ListenWish,
  type Transport,
  isFailure,
} from "../../src/upstreams/link.ts";
import { asObject } from "../../src/upstreams/wire.ts";
import { caller, createFakeClock, json, never, runtime } from "./harness.ts";

export const form = '{"elicitation":{"form":{}}}';

export interface OpenedTransport extends Transport {
  readonly link: (capabilities?: string, client?: string) => Promise<Link>;
  readonly call: (method: string, params?: string, more?: Partial<LinkCall>) => LinkCall;
  readonly changed: readonly string[];
  readonly noticed: readonly string[];
}

export function openTransport(
  url: string,
  { clock = runtime.clock, egress = runtime.egress }: { clock?: Clock; egress?: Egress } = {},
): OpenedTransport {
  let last = 0;
  const changed: string[] = [];
  const noticed: string[] = [];
  const nextId = () => ++last;
  const transport = openHttpTransport({
    clock,
    clientInfo: '{"name":"test","version":"1"}',
    nextId,
    timeoutMs: 60_000,
    notice: (message) => noticed.push(message),
    onListChange: (list, scope) => changed.push(`${list} ${scope}`),
    endpoint: { url, egress, headers: () => ({}) },
  });
  return {
    ...transport,
    changed,
    noticed,
    link: async (capabilities = form, client = "a") => {
      const link = await transport.connect({ ...caller(client), capabilities }, never);
      if (isFailure(link)) throw new Error(JSON.stringify(link));
      return link;
    },
    call: (method, params = "{}", more = {}) => ({
      id: nextId(),
      method,
      params: json(params),
      progressToken: undefined,
      logLevel: undefined,
      capabilities: form,
      headers: {},
      paramHeaders: [],
      maxBytes: 1_000_000,
      ...more,
    }),
  };
}

export type Step = LinkMessage | undefined;

/** Message after message, as a caller fetches them; `undefined` behind the last. */
export function stepsOf(answer: LinkAnswer): AsyncIterator<LinkMessage> {
  if (!("kind" in answer)) return answer[Symbol.asyncIterator]();
  return (async function* () {
    yield answer;
  })();
}

export async function next(steps: AsyncIterator<LinkMessage>): Promise<LinkMessage> {
  const { value, done } = await steps.next();
  if (done === true) throw new Error("Nothing more came");
  return value;
}

export async function nextQuestion(steps: AsyncIterator<LinkMessage>): Promise<LinkQuestion> {
  const message = await next(steps);
  if (message.kind !== "question") throw new Error(shownLink(message));
  return message;
}

export function accept(question: LinkQuestion, content = "{}"): Promise<void> {
  const result = asObject(`{"action":"accept","content":${content}}`);
  return question.reply({ kind: "result", result });
}

export function shownLink(message: LinkMessage): string {
  switch (message.kind) {
    case "result":
      return textOf(message.result);
    case "question":
      return `? ${message.request.method}`;
    case "notification":
      return shownNotification(message);
    case "error":
      return `error ${message.code}`;
    case "failure":
      return message.code;
    case "stale":
      return "stale";
  }
}

export function shownNotification({ method, params }: NotificationMessage): string {
  return params === undefined ? method : `${method} ${textOf(params)}`;
}

export function wishFor(uris: readonly string[], ...lists: ("tools" | "resources")[]): ListenWish {
  return { uris, lists: new Set(lists) };
}

/** A fake clock that knows how many timers are pending. */
export function createCountingClock() {
  const clock = createFakeClock();
  let pending = 0;
  return {
    ...clock,
    pending: () => pending,
    after: (ms: number, act: () => void) => {
      let isPending = true;
      pending++;
      const settle = () => {
        if (isPending) pending--;
        isPending = false;
      };
      const timer = clock.after(ms, () => {
        settle();
        act();
      });
      return {
        cancel: () => {
          settle();
          timer.cancel();
        },
      };
    },
  };
}

/** The real egress, with the number of bodies that are neither read to their end nor cancelled. */
export function createCountingEgress(): Egress & { readonly open: () => number } {
  let open = 0;
  return {
    ...runtime.egress,
    open: () => open,
    request: async (request) => {
      open++;
      let isOpen = true;
      const settle = () => {
        if (isOpen) open--;
        isOpen = false;
      };
      request.signal.addEventListener("abort", settle, { once: true });
      try {
        const response = await runtime.egress.request(request);
        async function* body() {
          try {
            yield* response.body;
          } finally {
            settle();
          }
        }
        return {
          ...response,
          body: body(),
          read: (maxBytes) => response.read(maxBytes).finally(settle),
          cancel: () => {
            settle();
            response.cancel();
          },
        };
      } catch (error) {
        settle();
        throw error;
      }
    },
  };
}
