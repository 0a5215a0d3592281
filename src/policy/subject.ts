/** Who asks, and for what. */
import type { Block } from "../core/index.ts";
import type { TargetKind } from "../mcp/index.ts";

/** A client of the config, and who stands behind it, where its credential says. */
export interface Caller {
  readonly client: string;
  readonly subject: string | undefined;
}
export interface Subject extends Caller {
  readonly address: string | undefined;
}
/** `name` is the upstream's own name, or URI, exactly as it will be sent. */
export interface Thing {
  readonly kind: TargetKind;
  readonly upstream: string;
  readonly name: string;
}
/**
 * The block that takes a thing from a caller; without a thing, one that takes everything. A glob as
 * the thing's name asks for a block that takes all that it matches.
 */
export type Blocked = (caller: Caller, thing?: Thing) => Block | undefined;
