/** The face that the admin door sees of the gateway. */
import type { Json, TargetKind } from "../mcp/index.ts";
import type { ApprovalList } from "./approval.ts";
import type { BlockList, BlockWish } from "./block.ts";
import type { InnerCode } from "./problems.ts";
import type { Deny } from "./stage.ts";

/** What an operator may do: look, decide what waits for a person, change what runs. */
export type Right = "read" | "approve" | "operate";
export interface Operator {
  readonly name: string;
  readonly can: ReadonlySet<Right>;
  /**
   * Whose calls are their own, beside those of a client or subject of their name: `client`,
   * `client/subject`, or `*` in place of the client for the subject behind whichever.
   */
  readonly is: readonly string[];
}

/** What one admin request came to, for the audit. */
export interface OperationRecord {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly address: string | undefined;
  readonly operator: string;
  /** `blocks.add`, `reload`, … */
  readonly method: string;
  /** What it was done to, as a short text of our own making. */
  readonly target?: string | undefined;
  readonly decision: "allowed" | "denied" | "failed";
  readonly code?: InnerCode | undefined;
  readonly why?: string | undefined;
  readonly status: number;
  readonly ms: number;
}
export interface OperationReservation {
  /** Settles when the operating system has the record; call it once. */
  readonly write: (record: OperationRecord) => Promise<void>;
  /** Gives unused room back; safe to call twice, and after `write`. */
  readonly release: () => void;
}

export interface ReloadOutcome {
  readonly result: "reloaded" | "unchanged" | "refused";
  /** Of the config that runs now. */
  readonly digest: string;
  /** What is wrong with the new config, or what it warns of, a line each; no secret. */
  readonly faults: readonly string[];
}

export interface UpstreamState {
  readonly name: string;
  readonly transport: string;
  readonly era: string | undefined;
  readonly state: "unknown" | "up" | "down";
  readonly why?: string;
  readonly tools: number | undefined;
  /** The tools that are held back, since they are not the ones that were reviewed. */
  readonly quarantined: readonly string[];
}
/** A plugin since it was opened; plain data, with what it has done beside these. */
export interface PluginState {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly mode: "enforce" | "shadow";
  /** Whether it is the one that was reviewed; of a `new` one the lock knows nothing. */
  readonly lock: "locked" | "changed" | "new";
}
/** How this instance is, for operators. */
export interface InstanceState {
  readonly instance: string;
  readonly version: string;
  /** False while draining. */
  readonly ready: boolean;
  /** The digest of the config. */
  readonly config: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly store: { readonly kind: "memory" | "redis"; readonly state: "up" | "lost" };
  readonly sessions: number;
  readonly blocks: number;
  readonly upstreams: readonly UpstreamState[];
  readonly plugins: readonly PluginState[];
  /** The last attempt; absent before the first one. */
  readonly reload?: ReloadOutcome & { readonly time: number };
}

/** Numbers, as they are told to who asks for them over HTTP. */
export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

/** A call that somebody may make, or has made. */
export interface CallWish {
  /** The client's name in the config. */
  readonly client: string;
  readonly subject: string | undefined;
  readonly address: string | undefined;
  readonly kind: TargetKind;
  readonly upstream: string;
  /** The upstream's own name, or URI. */
  readonly name: string;
  readonly args: Json | undefined;
  /** The MCP method; by default the one that uses a thing of this kind. */
  readonly method?: string | undefined;
}
/** What it would come to; plain data, with the chain that decided beside these. */
export interface ExplainedCall {
  readonly verdict: "allowed" | "denied" | "asked";
  readonly code?: InnerCode;
  readonly why?: string;
}

export interface Operations {
  /** Counts failures per address, and refuses an address with too many of them. */
  readonly authenticate: (
    authorization: string | null,
    address: string | undefined,
  ) => Promise<Operator | Deny>;
  /** Records a refusal before anybody was identified; summed per address and code. */
  readonly refused: (code: InnerCode, address: string | undefined) => void;
  /** Room for the record of one request; undefined where there is none, and nothing may be done then. */
  readonly reserve: () => OperationReservation | undefined;
  readonly state: () => InstanceState;
  /** Of this process alone. */
  readonly metrics: () => Promise<MetricsText>;
  /** One at a time; who comes meanwhile is told what the next one comes to. */
  readonly reload: () => Promise<ReloadOutcome>;
  readonly blocks: BlockList;
  readonly approvals: ApprovalList;
  /** Decides a call that is not made. Changes nothing, counts nothing, asks no upstream. */
  readonly explain: (wish: CallWish) => ExplainedCall;
  /** Names in a wish that the config does not know, a sentence each. */
  readonly doubts: (wish: Pick<BlockWish, "client" | "target">) => readonly string[];
}
