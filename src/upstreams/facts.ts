/** What an upstream's handshake says: is it modern, legacy, and what can it do. */
import { type Failure, failure } from "../core/index.ts";
import {
  type ErrorMessage,
  type Json,
  type JsonObject,
  type ResultMessage,
  at,
  isObject,
  items,
  legacyRevisions,
  member,
  metaKeys,
  modernRevisions,
  stringOf,
} from "../mcp/index.ts";
import { quote } from "./foreign.ts";
import type { ServerFacts } from "./link.ts";

export const unknownFacts: ServerFacts = {
  capabilities: undefined,
  instructions: undefined,
  serverInfo: undefined,
};

export type Found =
  | { readonly era: "modern"; readonly facts: ServerFacts }
  | { readonly era: "legacy" }
  | Failure;

/** Errors by which a modern server is known (2026-07-28, versioning): -32020 to -32022. */
export function isModernError(code: number): boolean {
  return code <= -32020 && code >= -32022;
}

/** The era of a server that answered `server/discover`. */
export function eraOfAnswer(answer: ResultMessage | ErrorMessage): Found {
  if (answer.kind === "result") {
    const supported = member(answer.result, "supportedVersions");
    if (supported === undefined) return { era: "legacy" };
    return eraOfSupported(supported, toFacts(answer.result));
  }
  if (!isModernError(answer.code)) return { era: "legacy" };
  if (answer.code !== -32022) return { era: "modern", facts: unknownFacts };
  return eraOfSupported(member(answer.data, "supported"), unknownFacts);
}

function eraOfSupported(supported: Json | undefined, facts: ServerFacts): Found {
  const revisions = items(supported).map((item) => stringOf(item) ?? "");
  if (revisions.some((revision) => modernRevisions.includes(revision))) {
    return { era: "modern", facts };
  }
  if (revisions.some((revision) => legacyRevisions.includes(revision))) return { era: "legacy" };
  const named = quote(revisions.slice(0, 8).join(", "));
  return failure("UPSTREAM_INVALID", `No revision of ours is supported, only "${named}"`);
}

/** The revision and facts in an answer to `initialize`. */
export function readInitialized(
  answer: ResultMessage | ErrorMessage,
): { readonly revision: string; readonly facts: ServerFacts } | Failure {
  if (answer.kind === "error") {
    const why = `"initialize" was refused: ${answer.code} ${quote(answer.message)}`;
    return failure("UPSTREAM_INVALID", why);
  }
  const revision = stringOf(member(answer.result, "protocolVersion")) ?? "";
  if (!legacyRevisions.includes(revision)) {
    return failure("UPSTREAM_INVALID", `Revision "${quote(revision)}" is not supported`);
  }
  return { revision, facts: toFacts(answer.result) };
}

function toFacts(result: JsonObject): ServerFacts {
  const serverInfo = member(result, "serverInfo") ?? at(result, "_meta", metaKeys.serverInfo);
  const capabilities = member(result, "capabilities");
  return {
    capabilities: isObject(capabilities) ? capabilities : undefined,
    instructions: stringOf(member(result, "instructions")),
    serverInfo: isObject(serverInfo) ? serverInfo : undefined,
  };
}
