/** What a function in a rule's `when` is asked with. */
import type { JsonValue } from "./json-value.ts";

/**
 * All of it frozen, and without prototypes: what the caller did not send is absent, also
 * `constructor`. A number that JavaScript cannot hold exactly is never shown: the call is refused.
 */
export interface WhenFacts {
  /** The arguments; empty where there are none. */
  readonly args: Readonly<Record<string, JsonValue | undefined>>;
  readonly kind: "tool" | "resource" | "prompt";
  /** The MCP method, e.g. `tools/call`. */
  readonly method: string;
  readonly upstream: string;
  /** The upstream's own name, or URI. */
  readonly name: string;
  /** What the server says of its tool: untrusted. */
  readonly annotations: Readonly<Record<string, JsonValue | undefined>>;
  /** The client's name in the config. */
  readonly client: string;
  /** The names of the roles that the client holds. */
  readonly roles: readonly string[];
  /** Who stands behind the client, where the credential says. */
  readonly subject: string | undefined;
  readonly claims: Readonly<Record<string, JsonValue | undefined>>;
  readonly scopes: readonly string[];
  readonly address: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A rule applies where it answers `true`; one that throws, or answers no boolean, refuses the call. */
export type WhenFunction = (facts: WhenFacts) => boolean;
