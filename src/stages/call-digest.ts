/** What a person approved, and nothing else. */
import type { Crypto } from "../core/index.ts";
import { type JsonObject, textOf } from "../mcp/index.ts";

const ofRound = new Set(["_meta", "inputResponses", "requestState"]);

/**
 * Of the exact bytes of every parameter that will be sent, but for those that change from round to
 * round; in which order the parameters stand decides nothing.
 */
export function toCallDigest(
  method: string,
  params: JsonObject | undefined,
  { sha256 }: Pick<Crypto, "sha256">,
): string {
  const parts = (params?.node.members ?? [])
    .filter(({ key }) => !ofRound.has(key))
    .map(({ key, value }) => [key, textOf({ source: params?.source ?? "", node: value })] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(JSON.stringify([method, parts]));
}
