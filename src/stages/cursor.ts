/** Where a list goes on: a sealed token for one caller and one list, good for ten minutes. */
import type { ClientIdentity, Clock, Endpoint, Sealer } from "../core/index.ts";
import type { ListKind } from "../mcp/index.ts";

/** Whose cursor it is, and of what. */
export interface CursorOwner {
  readonly client: ClientIdentity;
  readonly endpoint: Endpoint;
  readonly list: ListKind;
}

/** The end of a page. */
export interface Place {
  readonly upstream: string;
  /**
   * Shown names of the upstream's items up to here, the last one first: where the last one has gone
   * since, the one before it tells the place, and so on.
   */
  readonly last: readonly string[];
  /** Whether `last` names all of them. */
  readonly isAll: boolean;
}

export interface Cursors {
  readonly seal: (owner: CursorOwner, place: Place) => Promise<string>;
  /** Undefined for a forged, altered, foreign or expired one alike. */
  readonly open: (owner: CursorOwner, cursor: string) => Promise<Place | undefined>;
}

interface Sealed extends Place {
  readonly owner: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

const ttlMs = 600_000;

/** The caller reads the names of its own list alone, and what it sends back is no other's. */
export function createCursors(sealer: Sealer, clock: Clock): Cursors {
  return {
    seal: (owner, { upstream, last, isAll }) => {
      const sealed: Sealed = {
        owner: keyOf(owner),
        until: clock.now() + ttlMs,
        upstream,
        last,
        isAll,
      };
      return sealer.seal(JSON.stringify(sealed));
    },
    open: async (owner, cursor) => {
      const text = await sealer.open(cursor);
      if (text === undefined) return undefined;
      // What opens was sealed here, so it has this shape.
      const sealed = JSON.parse(text) as Sealed;
      const isGood = sealed.owner === keyOf(owner) && clock.now() < sealed.until;
      return isGood ? sealed : undefined;
    },
  };
}

function keyOf({ client, endpoint, list }: CursorOwner): string {
  return JSON.stringify([client.name, client.subject ?? null, endpoint.upstream ?? null, list]);
}
