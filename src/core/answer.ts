/** An answer is always a stream of messages; a JSON answer is a stream of one. */
import type { McpMessage, RequestMessage } from "../mcp/index.ts";
import type { Code } from "./problems.ts";

/** The last message of an answer that failed on the way: a code of ours instead of a result. */
export interface Failure {
  readonly kind: "failure";
  readonly code: Code;
  /** For the record. */
  readonly why: string;
  /** Nothing of the call can have arrived: there was no connection. */
  readonly isUnreached?: true;
  /** Of a refusal behind the first answer: the stage that gave it, and what it tells. */
  readonly refused?: {
    readonly stage: string;
    readonly data?: Readonly<Record<string, unknown>> | undefined;
  };
}
/** A request to a legacy client on the stream of its own call, under an id of ours. */
export type Question = RequestMessage;
export type AnswerMessage = McpMessage | Question | Failure;

/**
 * Notifications and questions, then exactly one result, error or failure. Empty for the answer of a
 * notification or a response; without an end where a legacy session's stream is the answer.
 */
export type AnswerStream = AsyncIterable<AnswerMessage>;

export function isLast(message: AnswerMessage): boolean {
  return message.kind !== "notification" && message.kind !== "request";
}

export function failure(code: Code, why: string): Failure {
  return { kind: "failure", code, why };
}

/** A stream of messages that are known already. */
export async function* streamOf(...messages: readonly AnswerMessage[]): AnswerStream {
  yield* messages;
}

/**
 * The stream with each message changed. A change that makes a message the last one ends the stream
 * behind it, and so does one that throws. Written out by hand: a generator costs three turns of the
 * microtask queue for each message, and every answer passes several of these.
 */
export function mapAnswer(
  stream: AnswerStream,
  change: (message: AnswerMessage) => AnswerMessage | Promise<AnswerMessage>,
): AnswerStream {
  return {
    [Symbol.asyncIterator]: () => {
      const inner = stream[Symbol.asyncIterator]();
      const over = { done: true, value: undefined } as const;
      let isOver = false;
      const end = async (): Promise<typeof over> => {
        isOver = true;
        await inner.return?.();
        return over;
      };
      return {
        next: async () => {
          if (isOver) return over;
          const next = await inner.next();
          if (next.done === true) return end();
          try {
            const changed = change(next.value);
            const value = changed instanceof Promise ? await changed : changed;
            if (isLast(value) && !isLast(next.value)) await end();
            return { done: false, value };
          } catch (error) {
            await end();
            throw error;
          }
        },
        return: end,
      };
    },
  };
}
