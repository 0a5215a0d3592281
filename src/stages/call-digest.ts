/** What a person approved, and nothing else. */
import type { Crypto } from "../core/index.ts";
import {
  type Json,
  type JsonObject,
  isObject,
  member,
  metaKeys,
  setMembers,
  spliced,
  textOf,
} from "../mcp/index.ts";

const ofRound = new Set(["inputResponses", "requestState"]);
/**
 * What the gateway writes anew on the way up, and where in a trace this attempt stands. `baggage` is
 * not among them: it holds what applications put there, such as a tenant, and servers act on it.
 */
const ofAttempt = new Set<string>([
  metaKeys.protocolVersion,
  metaKeys.clientInfo,
  metaKeys.clientCapabilities,
  metaKeys.logLevel,
  metaKeys.progressToken,
  "traceparent",
  "tracestate",
]);

/**
 * Of the exact bytes of every parameter that will be sent, but for those that change from round to
 * round or from attempt to attempt; in which order the parameters stand, and the keys of `_meta`,
 * decides nothing.
 */
export function toCallDigest(
  method: string,
  params: JsonObject | undefined,
  { sha256 }: Pick<Crypto, "sha256">,
): string {
  const parts = textsOf(params, (key) => key !== "_meta" && !ofRound.has(key));
  return sha256(JSON.stringify([method, parts, toMetaPart(member(params, "_meta"))]));
}

/**
 * What goes up with a call beside the thing it names, its arguments and its server's own state;
 * undefined where that is nothing.
 */
export function toMore(params: JsonObject | undefined, named: string): JsonObject | undefined {
  if (params === undefined) return undefined;
  const meta = member(params, "_meta");
  const gone = { [named]: undefined, arguments: undefined, requestState: undefined };
  const rest = spliced(
    params,
    setMembers(params, meta && isObject(meta) ? { ...gone, _meta: withoutAttempt(meta) } : gone),
  ) as JsonObject;
  return rest.node.members.length === 0 ? undefined : rest;
}

function toMetaPart(meta: Json | undefined): unknown {
  if (meta === undefined) return [];
  return isObject(meta) ? textsOf(meta, (key) => !ofAttempt.has(key)) : textOf(meta);
}

/** JSON text; undefined where nothing is left. */
function withoutAttempt(meta: JsonObject): string | undefined {
  const own = meta.node.members.filter(({ key }) => ofAttempt.has(key));
  if (own.length === meta.node.members.length) return undefined;
  return textOf(
    spliced(meta, setMembers(meta, Object.fromEntries(own.map(({ key }) => [key, undefined])))),
  );
}

function textsOf(
  json: JsonObject | undefined,
  counts: (key: string) => boolean,
): readonly (readonly [key: string, text: string])[] {
  return (json?.node.members ?? [])
    .filter(({ key }) => counts(key))
    .map(({ key, value }) => [key, textOf({ source: json?.source ?? "", node: value })] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
