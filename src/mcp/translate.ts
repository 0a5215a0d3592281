/** The two eras' shapes of parameters, results and error numbers, each made from the other by splicing. */
import { type Era, metaKeys } from "./era.ts";
import { type JsonObject, exactNumber, isObject, member, stringOf, textOf } from "./json.ts";
import { type Edit, removals, reread, setMembers, splice } from "./splice.ts";

/** Methods whose results a client may cache (2026-07-28, server, caching). */
const cacheable: ReadonlySet<string> = new Set([
  "server/discover",
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);
const maxTtlMs = 60_000;

/**
 * A result in the modern shape. What can be cached was cut to one caller's rights, so it leaves as
 * `private`, for 60 seconds at most and not at all where the server says nothing.
 */
export function toModernResult(method: string, result: JsonObject): JsonObject {
  const changes: Record<string, string> = {};
  if (member(result, "resultType") === undefined) changes["resultType"] = '"complete"';
  if (cacheable.has(method)) {
    if (stringOf(member(result, "cacheScope")) !== "private") changes["cacheScope"] = '"private"';
    const ttl = member(result, "ttlMs");
    const own = exactNumber(ttl);
    if (own === undefined || !Number.isInteger(own) || own < 0) changes["ttlMs"] = "0";
    else if (own > maxTtlMs) changes["ttlMs"] = String(maxTtlMs);
  }
  return edited(result, setMembers(result, changes));
}

/** The text of a result as the legacy era knows it. */
export function toLegacyResult(method: string, result: JsonObject): string {
  const gone = cacheable.has(method) ? cachedResultKeys : plainResultKeys;
  return splice(
    result,
    removals(result, (key) => gone.has(key)),
  );
}
const plainResultKeys: ReadonlySet<string> = new Set(["resultType"]);
const cachedResultKeys: ReadonlySet<string> = new Set(["resultType", "ttlMs", "cacheScope"]);

/** What a modern request says of its sender; the JSON texts are taken as they are. */
export interface RequestMeta {
  readonly revision: string;
  /** JSON text. */
  readonly clientInfo: string;
  /** JSON text. */
  readonly capabilities: string;
  readonly logLevel: string | undefined;
  /** JSON text. */
  readonly progressToken: string | undefined;
}

/**
 * The text of parameters with our `_meta`: its other keys keep their bytes, absent ones of ours are
 * taken off.
 */
export function toModernText(params: JsonObject | undefined, meta: RequestMeta): string {
  return withMeta(params ?? emptyObject, {
    [metaKeys.protocolVersion]: JSON.stringify(meta.revision),
    [metaKeys.clientInfo]: meta.clientInfo,
    [metaKeys.clientCapabilities]: meta.capabilities,
    [metaKeys.logLevel]: meta.logLevel === undefined ? undefined : JSON.stringify(meta.logLevel),
    [metaKeys.progressToken]: meta.progressToken,
  });
}

/**
 * The text of parameters without the modern era's `_meta` keys, and with this progress token (JSON text) or
 * none. A `_meta` that we emptied goes; parameters stay, and stay absent where they were.
 */
export function toLegacyText(
  params: JsonObject | undefined,
  progressToken: string | undefined,
): string | undefined {
  if (params === undefined && progressToken === undefined) return undefined;
  return withMeta(params ?? emptyObject, {
    [metaKeys.protocolVersion]: undefined,
    [metaKeys.clientInfo]: undefined,
    [metaKeys.clientCapabilities]: undefined,
    [metaKeys.logLevel]: undefined,
    [metaKeys.progressToken]: progressToken,
  });
}

function withMeta(
  params: JsonObject,
  changes: Readonly<Record<string, string | undefined>>,
): string {
  const meta = member(params, "_meta");
  if (meta !== undefined && isObject(meta)) {
    const left = meta.node.members.some(
      ({ key }) => !(Object.hasOwn(changes, key) && changes[key] === undefined),
    );
    const added = Object.values(changes).some((text) => text !== undefined);
    const emptied = !left && !added && meta.node.members.length > 0;
    const edits = emptied ? setMembers(params, { _meta: undefined }) : setMembers(meta, changes);
    return splice(params, edits);
  }
  const set = Object.entries(changes).filter(([, text]) => text !== undefined);
  // A `_meta` that is no object carries nothing for us and goes on for the server to refuse.
  if (set.length === 0) return textOf(params);
  const text = set.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",");
  return splice(params, setMembers(params, { _meta: `{${text}}` }));
}

/** A missing resource, as the legacy era numbers it. */
const resourceNotFound = -32002;
const invalidParams = -32602;
const internalError = -32603;
export const missingCapability = -32021;

/**
 * An upstream's error number for a listener of either era. -32020 and -32022 speak of headers and
 * versions between the gateway and the upstream, which are not the listener's; -32021 of
 * capabilities that a modern listener could declare.
 */
export function toEraErrorCode(code: number, listener: Era): number {
  if (code === missingCapability && listener === "modern") return code;
  if (code >= -32022 && code <= -32020) return internalError;
  return code === resourceNotFound && listener === "modern" ? invalidParams : code;
}

function edited(json: JsonObject, edits: readonly Edit[]): JsonObject {
  return edits.length === 0 ? json : (reread(splice(json, edits)) as JsonObject);
}

const emptyObject = reread("{}") as JsonObject;
