/** What the house tells the audit of one exchange; `docs/audit.md` says what becomes of it. */
import type { Approval, InnerCode, PluginHit, Redaction } from "../core/index.ts";
import type { Era, Json } from "../mcp/index.ts";

export type AuditDecision = "allowed" | "denied" | "asked" | "failed" | "cancelled";

/** The record's fields by the contract's names; what is not known is left out. */
export interface AuditEntry {
  /** Default: "exchange". */
  readonly kind?: "exchange" | "admin" | "config" | "lock" | "start" | "stop" | undefined;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly id?: string | undefined;
  readonly traceId?: string | undefined;
  readonly client?: string | undefined;
  readonly roles?: readonly string[] | undefined;
  /** Who stood behind it; of an `admin` record the operator. */
  readonly subject?: string | undefined;
  readonly address?: string | undefined;
  readonly transport?: string | undefined;
  readonly eras?: { readonly client?: Era | undefined; readonly upstream?: Era | undefined };
  readonly session?: string | undefined;
  /** Of an `admin` or `config` record what was done, as `blocks.add`; `target` says to what. */
  readonly method?: string | undefined;
  readonly upstream?: string | undefined;
  readonly target?: string | undefined;
  /** As they were received; the audit digests, cleans and cuts them. */
  readonly args?: Json | undefined;
  /** Recorded where `audit.results` is on. */
  readonly result?: Json | undefined;
  readonly decision?: AuditDecision | undefined;
  readonly stage?: string | undefined;
  readonly code?: InnerCode | undefined;
  readonly why?: string | undefined;
  readonly rules?: readonly AuditRule[] | undefined;
  /** What plugins said, each once per hook and verdict. */
  readonly plugins?: readonly PluginHit[] | undefined;
  /** What a person said of the call, or that one is asked. */
  readonly approval?: Approval | undefined;
  readonly redactions?: readonly Redaction[] | undefined;
  readonly status?: number | undefined;
  readonly ms?: number | undefined;
  readonly upstreamMs?: number | undefined;
  readonly bytesIn?: number | undefined;
  readonly bytesOut?: number | undefined;
}
export interface AuditRule {
  readonly name: string;
  readonly then: string;
  readonly mode: string;
}

/** A refusal before anybody was identified. */
export type StrangerEntry = Pick<
  AuditEntry,
  | "kind"
  | "time"
  | "id"
  | "address"
  | "transport"
  | "method"
  | "stage"
  | "why"
  | "status"
  | "ms"
  | "bytesIn"
  | "bytesOut"
> & { readonly code: InnerCode };

export interface Audit {
  /** Holds room for one record; undefined where there is none and the call must be refused. */
  readonly reserve: () => Reservation | undefined;
  /** Summed per kind, address and code. Never rejects: a stranger is refused all the same. */
  readonly refused: (entry: StrangerEntry) => Promise<void>;
}
export interface Reservation {
  /**
   * Settles when the operating system has the record; call it once. Rejects where it cannot be
   * written now: the answer must then be withheld (`AUDIT_UNAVAILABLE`).
   */
  readonly write: (entry: AuditEntry) => Promise<void>;
  /** Gives unused room back; safe to call twice, and after `write`. */
  readonly release: () => void;
}
