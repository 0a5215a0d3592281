/** The `requestState` that clients carry between two rounds of one exchange, sealed. */
import {
  type CarriedWord,
  type ClientIdentity,
  type Clock,
  type Crypto,
  type OneTarget,
  type Seals,
  toHex,
} from "../core/index.ts";
import {
  type Json,
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
/** What a person said of the call in an earlier round. */
export type ApprovedWord = Extract<CarriedWord, { kind: "approved" }>;
export interface Opened {
  readonly own: string | undefined;
  readonly word: ApprovedWord | undefined;
}
export interface States {
  /** Digest of who asks for what, the same in each round. */
  readonly bindingOf: (round: Round) => string;
  /** `own` is the upstream's state, where it gave one. */
  readonly seal: (
    round: Round,
    own: string | undefined,
    word?: Omit<ApprovedWord, "kind" | "once">,
  ) => Promise<string>;
  /** Undefined for a state that is not ours, has expired, or belongs to something else. */
  readonly open: (round: Round, state: string) => Promise<Opened | undefined>;
}

const idBytes = 16;
/** How long a round may take. */
export const stateTtlMs = 15 * 60_000;

/**
 * A state passes through the client, who could change it, keep it, or hand it to somebody else. So
 * it is sealed together with the upstream, the client and subject, a digest of the request it came
 * from, and an expiry (2026-07-28, multi round-trip requests, server requirements). It is good for
 * more than one retry, as the specification allows; with an approval in it for one, or the call that
 * a person approved could be made again and again.
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
    bindingOf,
    seal: (round, own, word) => {
      const once = word && toHex(crypto.randomBytes(idBytes));
      const until = clock.now() + stateTtlMs;
      const approved = word && { ...word, once };
      return sealer.seal(JSON.stringify({ for: bindingOf(round), until, own, approved }));
    },
    open: async (round, state) => {
      const text = await sealer.open(state);
      const parsed = text === undefined ? undefined : parseJson(text);
      if (parsed?.ok !== true) return undefined;
      const until = exactNumber(at(parsed.json, "until")) ?? 0;
      if (until < clock.now() || stringOf(at(parsed.json, "for")) !== bindingOf(round)) {
        return undefined;
      }
      const approved = at(parsed.json, "approved");
      return { own: stringOf(at(parsed.json, "own")), word: approved && toWord(approved) };
    },
  };
}

/** Undefined where it is none: then the call is as good as one that nobody approved. */
function toWord(json: Json): ApprovedWord | undefined {
  const [call, config, once, id, by] = [
    ["call"],
    ["config"],
    ["once"],
    ["approval", "id"],
    ["approval", "by"],
  ].map((path) => stringOf(at(json, ...path)));
  const way = stringOf(at(json, "approval", "via"));
  const via = way === "client" || way === "operator" ? way : undefined;
  if (call === undefined || config === undefined || once === undefined) return undefined;
  if (id === undefined || via === undefined) return undefined;
  return { kind: "approved", approval: { id, via, by }, call, config, once };
}

/** What stays the same from round to round. */
function withoutRound(params: JsonObject): JsonObject {
  const gone = { _meta: undefined, inputResponses: undefined, requestState: undefined };
  return spliced(params, setMembers(params, gone)) as JsonObject;
}
