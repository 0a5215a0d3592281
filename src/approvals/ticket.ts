/** The gateway's own question as the client carries it to its retry, sealed. */
import { type Sealer, utf8Length } from "../core/index.ts";
import { at, exactNumber, parseJson, stringOf } from "../mcp/index.ts";

export interface Ticket {
  readonly id: string;
  /** Digest of who asks, and for what. */
  readonly binding: string;
  /** Digest of exactly what will be sent. */
  readonly call: string;
  /** Digest of the config whose rule asks. */
  readonly config: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** The upstream's own state of the round that the question came into. */
  readonly own: string | undefined;
  /** What the client had answered in that round, as JSON text. */
  readonly responses: string | undefined;
}
export interface Tickets {
  /** Undefined where the ticket is larger than what can be opened again. */
  readonly seal: (ticket: Ticket) => Promise<string | undefined>;
  /** Undefined for what is no ticket of ours. Who it is for and its expiry are not looked at. */
  readonly open: (sealed: string) => Promise<Ticket | undefined>;
}

/** In UTF-8; what a sealer opens again. */
const maxBytes = 380_000;

export function createTickets(sealer: Sealer): Tickets {
  return {
    seal: async (ticket) => {
      const text = JSON.stringify(ticket);
      return utf8Length(text) > maxBytes ? undefined : sealer.seal(text);
    },
    open: async (sealed) => {
      const text = await sealer.open(sealed);
      const parsed = text === undefined ? undefined : parseJson(text);
      if (parsed?.ok !== true) return undefined;
      const { json } = parsed;
      const [id, binding, call, config] = ["id", "binding", "call", "config"].map((key) =>
        stringOf(at(json, key)),
      );
      const until = exactNumber(at(json, "until"));
      if (id === undefined || binding === undefined || call === undefined) return undefined;
      if (config === undefined || until === undefined) return undefined;
      const own = stringOf(at(json, "own"));
      const responses = stringOf(at(json, "responses"));
      return { id, binding, call, config, until, own, responses };
    },
  };
}
