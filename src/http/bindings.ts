/** Whom a request comes from, as the server under the application knows it. */
import type { Context } from "hono";
import type { Body, Canceller } from "../core/index.ts";
import type { HeaderView } from "../mcp/index.ts";
import type { Connection } from "./app.ts";

/** What a server hands to a Hono application beside the request. */
interface Bindings {
  /** Our own listener's. */
  readonly address?: string | undefined;
  readonly gone?: Canceller;
  readonly body?: Body;
  readonly headers?: HeaderView;
  /** @hono/node-server's, where the application is mounted in another program. */
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  /** `Deno.serve`'s. */
  readonly remoteAddr?: { readonly hostname?: string };
}

export function toConnection(context: Context): Connection | undefined {
  const { gone, body, headers } = (context.env ?? {}) as Bindings;
  return gone && body && headers && { gone, body, headers };
}

export function toPeer(context: Context): string | undefined {
  const bindings = context.env as Bindings | undefined;
  if (bindings === undefined) return undefined;
  const { address, incoming, remoteAddr } = bindings;
  return address ?? incoming?.socket?.remoteAddress ?? remoteAddr?.hostname;
}
