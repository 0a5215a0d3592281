/** Which era a message belongs to, and what it says of its sender. */
import { type Caller, type Counted, type Deny, StoreLost, deny } from "../core/index.ts";
import {
  type HeaderView,
  type JsonObject,
  type NotificationMessage,
  type RequestMessage,
  at,
  compareHeaders,
  decodeHeaderValue,
  eraOf,
  isObject,
  legacyRevisions,
  metaKeys,
  modernRevisions,
  parseJson,
  stringOf,
} from "../mcp/index.ts";
import type { Sessions } from "../sessions/index.ts";

type Message = RequestMessage | NotificationMessage;

/**
 * A message with `protocolVersion` in its `_meta` is modern (2026-07-28, versioning). Any other is
 * legacy: `initialize`, or a message of a session that `initialize` opened.
 */
export async function toCaller(
  exchange: Counted,
  message: Message,
  sessions: Sessions,
): Promise<Caller | Deny> {
  const declared = at(message.params, "_meta", metaKeys.protocolVersion);
  const header = exchange.headers.get("mcp-protocol-version");
  if (declared !== undefined) {
    const revision = stringOf(declared);
    if (revision === undefined) return deny("META_INCOMPLETE", "protocolVersion is no string");
    return toModern(exchange, message, revision);
  }
  if (message.method === "initialize") {
    // Whoever says it is modern knows no handshake (2026-07-28, versioning).
    const isModern = header !== null && eraOf(header) === "modern";
    return isModern
      ? deny("METHOD_UNKNOWN", "The modern era has no initialize")
      : toNewcomer(message);
  }
  if (header !== null && !legacyRevisions.includes(header)) {
    return eraOf(header) === "modern"
      ? deny("META_INCOMPLETE", "A modern request lacks protocolVersion in _meta")
      : unsupported(header);
  }
  const mismatch = compareMirrors(exchange.headers, message);
  return mismatch ?? toSessionCaller(exchange, sessions);
}

/** Headers that mirror the body are not asked for in the legacy era; one that is there must not lie. */
function compareMirrors(headers: HeaderView, { method, params }: Message): Deny | undefined {
  const claimed = headers.get("mcp-method");
  if (claimed !== null && claimed !== method) {
    return deny("HEADER_MISMATCH", "Mcp-Method is not the body's method");
  }
  const name = headers.get("mcp-name");
  if (name === null) return undefined;
  const named = stringOf(at(params, "name")) ?? stringOf(at(params, "uri"));
  return decodeHeaderValue(name) === named
    ? undefined
    : deny("HEADER_MISMATCH", "Mcp-Name is not the body's name");
}

function toModern(exchange: Counted, message: Message, revision: string): Caller | Deny {
  const mismatch = compareHeaders(exchange.headers, { ...message, revision });
  if (mismatch !== undefined) return deny("HEADER_MISMATCH", mismatch);
  if (!modernRevisions.includes(revision)) return unsupported(revision);
  const capabilities = at(message.params, "_meta", metaKeys.clientCapabilities);
  if (!isObject(capabilities)) {
    return deny("META_INCOMPLETE", "A modern request lacks clientCapabilities in _meta");
  }
  const clientInfo = at(message.params, "_meta", metaKeys.clientInfo);
  return {
    era: "modern",
    revision,
    capabilities,
    clientInfo: isObject(clientInfo) ? clientInfo : undefined,
    logLevel: stringOf(at(message.params, "_meta", metaKeys.logLevel)),
    session: undefined,
  };
}

/** An `initialize`: the revision asked for where it is known, else the newest legacy one. */
function toNewcomer(message: Message): Caller | Deny {
  const asked = stringOf(at(message.params, "protocolVersion"));
  if (asked === undefined) return deny("PARAMS_INVALID", "initialize lacks protocolVersion");
  const capabilities = at(message.params, "capabilities");
  const clientInfo = at(message.params, "clientInfo");
  return {
    era: "legacy",
    revision: legacyRevisions.includes(asked) ? asked : (legacyRevisions[0] ?? asked),
    capabilities: isObject(capabilities) ? capabilities : undefined,
    clientInfo: isObject(clientInfo) ? clientInfo : undefined,
    logLevel: undefined,
    session: undefined,
  };
}

/** The caller of a message that belongs to a session, as `initialize` introduced it. */
export async function toSessionCaller(
  exchange: Counted,
  sessions: Sessions,
): Promise<Caller | Deny> {
  const token = exchange.headers.get("mcp-session-id");
  if (token === null) return deny("SESSION_REQUIRED", "There is no session and no modern _meta");
  const session = await sessions.find(token, exchange.client).catch(toUnavailable);
  if (session !== undefined && "verdict" in session) return session;
  if (session === undefined) return deny("SESSION_UNKNOWN", "The session is not known");
  const header = exchange.headers.get("mcp-protocol-version");
  if (header !== null && header !== session.revision) {
    return deny("HEADER_MISMATCH", `MCP-Protocol-Version is not the session's`);
  }
  return {
    era: "legacy",
    revision: session.revision,
    capabilities: parsed(session.capabilities),
    clientInfo: parsed(session.clientInfo),
    logLevel: session.state.logLevel,
    session: session.id,
  };
}

/** Here, where it is still known which message it is that is refused. */
function toUnavailable(error: unknown): Deny {
  if (error instanceof StoreLost) return deny("STORE_UNAVAILABLE", error.message);
  throw error;
}

function parsed(text: string): JsonObject | undefined {
  const result = parseJson(text);
  return result.ok && isObject(result.json) ? result.json : undefined;
}

function unsupported(requested: string): Deny {
  const supported = [...modernRevisions, ...legacyRevisions];
  return deny("REVISION_UNSUPPORTED", "The protocol version is not supported", {
    data: { supported, requested: requested.slice(0, 64) },
  });
}
