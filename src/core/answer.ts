/** An answer is always a stream of messages; a JSON answer is a stream of one. */
import type { McpMessage } from "../mcp/index.ts";
import type { Code } from "./problems.ts";

/** The last message of an answer that failed on the way: a code of ours instead of a result. */
export interface Failure {
  readonly kind: "failure";
  readonly code: Code;
  /** For the record. */
  readonly why: string;
}
export type AnswerMessage = McpMessage | Failure;

/** Notifications, then exactly one result, error or failure. Empty for a notification's answer. */
export type AnswerStream = AsyncIterable<AnswerMessage>;

export function isLast(message: AnswerMessage): boolean {
  return message.kind !== "notification";
}

export function failure(code: Code, why: string): Failure {
  return { kind: "failure", code, why };
}

/** A stream of messages that are known already. */
export async function* streamOf(...messages: readonly AnswerMessage[]): AnswerStream {
  yield* messages;
}
