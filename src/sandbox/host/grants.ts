/** What the operator's config grants to a plugin, as the host wants it. */
import type { Secret } from "../../core/index.ts";

export interface FetchGrant {
  /** One that `isFetchOrigin`. */
  readonly origin: string;
  /** Added to each request; the plugin sees none of them. */
  readonly headers?: Readonly<Record<string, string | Secret>> | undefined;
}
/** What is not named is not granted. */
export interface HostGrants {
  /** `client`: each client has keys of its own; `shared`: all clients have the same. */
  readonly kv?: "client" | "shared" | undefined;
  readonly fetch?: readonly FetchGrant[] | undefined;
}

/** As URLs spell addresses: a name cannot look like one of these. */
const literalLoopback = /^(?:127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * An origin exactly as URLs are compared, in lower case, without a default port and a final slash:
 * `https`, or `http` where it is a loopback address that is written as one.
 */
export function isFetchOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, protocol, hostname } = new URL(text);
  const isSafe = protocol === "https:" || (protocol === "http:" && literalLoopback.test(hostname));
  return isSafe && origin === text;
}
