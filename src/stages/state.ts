/** The `requestState` that clients carry between two rounds of one exchange, sealed. */
import {
  type ClientIdentity,
  type Clock,
  type Crypto,
  type OneTarget,
  type Seals,
} from "../core/index.ts";
import {
  type JsonObject,
  at,
  canonicalText,
  exactNumber,
  parseJson,
  setMembers,
  spliced,
  stringOf,
} from "../mcp/index.ts";

/** What the state of a round belongs to. */
export interface Round {
  readonly client: ClientIdentity;
  readonly method: string;
  readonly target: OneTarget;
}
export interface States {
  /** `own` is the upstream's state, where it gave one. */
  readonly seal: (round: Round, own: string | undefined) => Promise<string>;
  /** Undefined for a state that is not ours, has expired, or belongs to something else. */
  readonly open: (
    round: Round,
    state: string,
  ) => Promise<{ readonly own: string | undefined } | undefined>;
}

const ttlMs = 15 * 60_000;

/**
 * A state passes through the client, who could change it, keep it, or hand it to somebody else. So
 * it is sealed together with the upstream, the client and subject, a digest of the request it came
 * from, and an expiry (2026-07-28, multi round-trip requests, server requirements). It is good for
 * more than one retry, as the specification allows.
 */
export function createStates(
  ports: { readonly clock: Clock; readonly crypto: Crypto },
  seals: Seals,
): States {
  const { clock, crypto } = ports;
  const sealer = seals("state");
  const bindingOf = ({ client, method, target }: Round): string =>
    crypto.sha256(
      JSON.stringify([
        client.name,
        client.subject ?? null,
        target.upstream,
        method,
        canonicalText(withoutRound(target.params)),
      ]),
    );

  return {
    seal: (round, own) =>
      sealer.seal(JSON.stringify({ for: bindingOf(round), until: clock.now() + ttlMs, own })),
    open: async (round, state) => {
      const text = await sealer.open(state);
      const parsed = text === undefined ? undefined : parseJson(text);
      if (parsed?.ok !== true) return undefined;
      const until = exactNumber(at(parsed.json, "until")) ?? 0;
      if (until < clock.now() || stringOf(at(parsed.json, "for")) !== bindingOf(round)) {
        return undefined;
      }
      return { own: stringOf(at(parsed.json, "own")) };
    },
  };
}

/** What stays the same from round to round. */
function withoutRound(params: JsonObject): JsonObject {
  const gone = { _meta: undefined, inputResponses: undefined, requestState: undefined };
  return spliced(params, setMembers(params, gone)) as JsonObject;
}
