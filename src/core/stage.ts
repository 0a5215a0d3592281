/** A stage adds one fact to the exchange, or ends it. */
import type { Era, IdText } from "../mcp/index.ts";
import type { AnswerStream } from "./answer.ts";
import type { Approval } from "./approval.ts";
import type { Redaction, RuleHit } from "./exchange.ts";
import type { Code, InnerCode } from "./problems.ts";

export interface Pass<Out> {
  readonly verdict: "pass";
  readonly out: Out;
}
/** A refusal: `code` is what the client hears, `why` is for the record. */
export interface Deny {
  readonly verdict: "deny";
  readonly code: Code;
  readonly why: string;
  /** What the record says where it must say more than the client may hear. */
  readonly recorded: InnerCode;
  /** Where the specification tells cases of one code apart by their JSON-RPC number. */
  readonly number?: number;
  /** Data of the JSON-RPC error that the specification asks for. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** Headers of the HTTP answer, e.g. `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The rules that matched, for the record. */
  readonly rules?: readonly RuleHit[];
  /** Whose approval is missing, or who refused it, for the record. */
  readonly approval?: Approval;
  /** What is known of a message that was refused while it was read. */
  readonly about?: MessageTraits;
}
export interface MessageTraits {
  readonly id: IdText | undefined;
  readonly method: string;
  readonly era: Era;
}
/** The gateway's own answer, which goes straight to `sanitize`. */
export interface Answer {
  readonly verdict: "answer";
  readonly answer: AnswerStream;
  /** What was taken out of an answer whose foreign parts are clean already. */
  readonly cleaned?: readonly Redaction[];
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer asks a person to approve the call. */
  readonly approval?: Approval;
}
export type Verdict<Out> = Pass<Out> | Deny | Answer;

/**
 * `run` is a property and not a method: only then does the compiler compare `In` strictly, so
 * that a stage which comes too early does not compile.
 */
export interface Stage<In, Out> {
  readonly name: string;
  readonly run: (exchange: In) => Verdict<Out> | Promise<Verdict<Out>>;
}

export function pass<Out>(out: Out): Pass<Out> {
  return { verdict: "pass", out };
}

export function deny(
  code: Code,
  why: string,
  extra: Partial<
    Pick<Deny, "approval" | "data" | "headers" | "number" | "recorded" | "rules">
  > = {},
): Deny {
  return { verdict: "deny", code, why, recorded: code, ...extra };
}

export function answer(
  stream: AnswerStream,
  extra: Partial<Pick<Answer, "approval" | "cleaned" | "headers">> = {},
): Answer {
  return { verdict: "answer", answer: stream, ...extra };
}
