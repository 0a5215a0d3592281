/** Takes a stream of the gateway before along the road again: whose it is, and what it may tell of. */
import {
  type Arrived,
  type Identified,
  type Metered,
  type Permitted,
  type Routed,
  type Stage,
  StoreLost,
  type Understood,
  withFact,
} from "../core/index.ts";
import type { Policy } from "../policy/index.ts";
import type { Sessions } from "../sessions/index.ts";
import { toMayRead } from "./may-read.ts";
import type { Rejoined } from "./subscribe.ts";

/** The stages whose answer another config may change. */
export interface RejoinRooms {
  readonly sessions: Pick<Sessions, "find">;
  readonly policy: Pick<Policy, "decide" | "judge">;
  readonly known: Stage<Arrived, Identified>;
  readonly routing: Stage<Understood, Routed>;
  readonly authorizing: Stage<Routed, Permitted>;
}

/** Undefined where the caller is no more who it was, or reaches nothing there. */
export function createRejoin(
  rooms: RejoinRooms,
): (exchange: Metered) => Promise<Rejoined | undefined> {
  const { sessions, policy, known, routing, authorizing } = rooms;

  return async (exchange) => {
    const identified = await known.run(exchange);
    if (identified.verdict !== "pass") return undefined;
    const { name, subject } = identified.out.client;
    if (name !== exchange.client.name || subject !== exchange.client.subject) return undefined;
    if (!(await hasSession(exchange))) return undefined;
    const routed = await routing.run(exchange);
    if (routed.verdict !== "pass") return undefined;
    const permitted = await authorizing.run(routed.out);
    if (permitted.verdict !== "pass") return undefined;
    const { target, permit } = permitted.out;
    if (target.kind !== "subscription") return undefined;
    return {
      exchange: withFact(exchange, { target, permit }),
      target,
      mayRead: toMayRead(policy, exchange),
    };
  };

  /** A session's stream ends with the keys that its id was sealed with. */
  async function hasSession({ input, headers, client }: Metered): Promise<boolean> {
    if (input.kind !== "stream") return true;
    const token = headers.get("mcp-session-id") ?? "";
    try {
      return (await sessions.find(token, client)) !== undefined;
    } catch (error) {
      // The id was opened by then: what is lost is the store, and that ends no stream.
      if (error instanceof StoreLost) return true;
      throw error;
    }
  }
}
