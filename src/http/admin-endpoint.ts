/** What one endpoint of the admin listener is. */
import type { Deny, Operator, Right } from "../core/index.ts";
import type { JsonObject } from "../mcp/index.ts";

export interface AdminRequest {
  /** Undefined where it is empty. */
  readonly body: JsonObject | undefined;
  readonly operator: Operator;
  /** When the body was here; milliseconds since the epoch. */
  readonly now: number;
}
/** What a request came to; a text is plain text, everything else JSON. */
export interface Done {
  readonly status: number;
  readonly body?: unknown;
  /** Of a text that is not just plain. */
  readonly contentType?: string;
  /** For the record: to what it was done, and why. */
  readonly target?: string;
  readonly why?: string;
  readonly failed?: true;
}
export interface Task {
  /** For the record, where it was not done. */
  readonly target?: string;
  readonly run: () => Done | Deny | Promise<Done | Deny>;
}
export interface AdminEndpoint {
  /** The method of the record. */
  readonly name: string;
  readonly right: Right;
  /** What is to be done, or why it must not be. Does nothing itself. */
  readonly plan: (request: AdminRequest) => Task | Deny;
}
