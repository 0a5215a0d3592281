/** A person's word on a call: what rules want of it, what carries it, what waits for it. */
import type { TargetKind } from "../mcp/index.ts";

/** Who is asked: whoever sits before the client, or an operator of this gateway. */
export type ApprovalWay = "client" | "operator";

/** For the record: nobody has said anything yet where `by` is absent. */
export interface Approval {
  readonly id: string;
  readonly via: ApprovalWay;
  /** The client's subject or name, or the operator's name. */
  readonly by?: string | undefined;
  /** Of a question: how long it stands. Not for the record. */
  readonly expiresMs?: number | undefined;
  /**
   * Of a yes that was used up for a call that is not sent after all: makes it good again for what is
   * left of its time. Not for the record. Never throws.
   */
  readonly giveBack?: (() => Promise<void>) | undefined;
}

/** What the rules that matched a call want before it is sent; of several the strictest. */
export interface ApprovalDemand {
  readonly via: ApprovalWay;
  /** How long a question stands, and how long a yes is good for. */
  readonly expiresMs: number;
  /** How long the call waits for an operator before it is refused. */
  readonly waitMs: number;
  /** The names of the rules. */
  readonly rules: readonly string[];
  /** What the config says of them. */
  readonly why: string | undefined;
}

/** A person's word as the retry of a call brings it; what it is worth is decided in `approve`. */
export type CarriedWord =
  | {
      readonly kind: "answer";
      /** Of the gateway's own question. */
      readonly id: string;
      /** The digest of what was to be sent when it was asked. */
      readonly call: string;
      /** The digest of the config that asked. */
      readonly config: string;
      /** Milliseconds since the epoch. */
      readonly until: number;
      /** Undefined where the question was not answered. */
      readonly action: "accept" | "decline" | "cancel" | undefined;
    }
  | {
      /** Said in an earlier round of the same call. */
      readonly kind: "approved";
      readonly approval: Approval;
      readonly call: string;
      readonly config: string;
      /** Another one for each round. */
      readonly once: string;
    };

/** A call that waits for an operator, or that one has decided. */
export interface PendingApproval {
  readonly id: string;
  readonly client: string;
  readonly subject?: string;
  readonly kind: TargetKind;
  readonly upstream: string;
  /** Cleaned, with what is hidden written out. */
  readonly name: string;
  /** What will be sent, cleaned and cut, as JSON text. */
  readonly args: string;
  /** What will be sent beside name and arguments, the same way; absent where that is nothing. */
  readonly more?: string;
  readonly rules: readonly string[];
  readonly why?: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds since the epoch from which it is as if it had never been. */
  readonly until: number;
  readonly state: "waiting" | "approved" | "denied";
  /** The operator who decided. */
  readonly by?: string;
}

export interface ApprovalWord {
  readonly decision: "approve" | "deny";
  /** The operator. */
  readonly by: string;
  /** Whose calls are the operator's own, as `Operator` has it. */
  readonly is: readonly string[];
}
/** `own`: nobody approves their own call. `decided`: somebody was first. */
export type ApprovalOutcome = PendingApproval | "unknown" | "own" | "decided";

/** What waits for operators, the same on every instance. Both reject with a `StoreLost`. */
export interface ApprovalList {
  readonly list: () => Promise<readonly PendingApproval[]>;
  readonly decide: (id: string, word: ApprovalWord) => Promise<ApprovalOutcome>;
}
